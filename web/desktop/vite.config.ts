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
  plugins: [licences(), compressed()],
});
