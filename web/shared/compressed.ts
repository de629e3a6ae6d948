import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { brotliCompressSync, constants } from "node:zlib";

/** Files that are smaller than this aren't worth two copies in a program. */
const COMPRESSED_MIN_BYTES = 1024;

/**
 * A plugin for Vite that lays a compressed copy beside each file: what serves them then never
 * compresses anything. Every browser that speaks TLS to it reads Brotli.
 */
export function compressed() {
  let folder = "";
  return {
    name: "compressed",
    apply: "build" as const,
    configResolved: (config: { build: { outDir: string } }) => void (folder = config.build.outDir),
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
