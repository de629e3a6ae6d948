import { defineConfig } from "vite";

import { compressed } from "../shared/compressed";

export default defineConfig({
  base: "/",
  build: {
    target: "es2022",
    // The page's policy allows no `data:` addresses and no inline script.
    assetsInlineLimit: 0,
    modulePreload: false,
  },
  plugins: [compressed()],
});
