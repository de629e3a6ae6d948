import { fileURLToPath } from "node:url";

import { defineConfig } from "vite";

import { build } from "../shared/build";
import { compressed } from "../shared/compressed";
import { licences } from "./licences";

export default defineConfig({
  base: "/",
  build,
  resolve: {
    // noVNC exports one of its modules alone; `src/rfb.ts` bounds another one.
    alias: {
      "novnc-inflator": fileURLToPath(new URL("node_modules/@novnc/novnc/core/inflator.js", import.meta.url)),
    },
  },
  plugins: [licences(), compressed()],
});
