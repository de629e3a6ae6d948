import { fileURLToPath } from "node:url";

import { defineConfig } from "vite";

import { compressed } from "../shared/compressed";
import { licences } from "./licences";

export default defineConfig({
  base: "/",
  build: {
    target: "es2022",
    // The page's policy allows no `data:` scripts or styles, and no inline script.
    assetsInlineLimit: 0,
    modulePreload: false,
  },
  resolve: {
    // noVNC exports one of its modules alone; `src/rfb.ts` bounds another one.
    alias: {
      "novnc-inflator": fileURLToPath(new URL("node_modules/@novnc/novnc/core/inflator.js", import.meta.url)),
    },
  },
  plugins: [licences(), compressed()],
});
