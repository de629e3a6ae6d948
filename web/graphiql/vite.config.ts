import { fileURLToPath } from "node:url";

import { defineConfig } from "vite";

import { build } from "../shared/build";
import { compressed } from "../shared/compressed";
import { withoutData } from "./without-data";

export default defineConfig({
  base: "/graphiql/",
  build: {
    ...build,
    // GraphiQL and its editor are most of it, and all of it is needed at once.
    chunkSizeWarningLimit: 1500,
  },
  // GraphiQL calls its pictures what their functions are called.
  esbuild: { keepNames: true },
  resolve: {
    alias: {
      "react-style-singleton": fileURLToPath(new URL("src/style-singleton.ts", import.meta.url)),
    },
  },
  server: {
    // `npx vite` beside an API on its usual address.
    proxy: { "/graphql": { target: "http://127.0.0.1:8080", ws: true, changeOrigin: true } },
  },
  plugins: [withoutData(), compressed()],
});
