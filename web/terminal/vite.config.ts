import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { brotliCompressSync, constants } from "node:zlib";

import { defineConfig, type Plugin } from "vite";

/** Files that are smaller than this aren't worth two copies in the edge's program. */
const COMPRESSED_MIN_BYTES = 1024;

/**
 * Lays a compressed copy beside each file: the edge, which serves them, then never compresses
 * anything. Every browser that speaks TLS to it reads Brotli.
 */
function compressed(): Plugin {
  let folder = "";
  return {
    name: "compressed",
    apply: "build",
    configResolved: (config) => void (folder = config.build.outDir),
    closeBundle() {
      for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
        const file = `${folder}/${name}`;
        if (!statSync(file).isFile() || statSync(file).size < COMPRESSED_MIN_BYTES) continue;
        const params = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY };
        writeFileSync(`${file}.br`, brotliCompressSync(readFileSync(file), { params }));
      }
    },
  };
}

export default defineConfig({
  base: "/",
  build: {
    target: "es2022",
    // The page's policy allows no `data:` addresses and no inline script.
    assetsInlineLimit: 0,
    modulePreload: false,
    // xterm.js is most of it, and all of it is needed at once.
    chunkSizeWarningLimit: 1000,
  },
  plugins: [compressed()],
});
