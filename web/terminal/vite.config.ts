import { defineConfig } from "vite";

import { build } from "../shared/build";
import { compressed } from "../shared/compressed";

export default defineConfig({
  base: "/",
  build: {
    ...build,
    // xterm.js is most of it, and all of it is needed at once.
    chunkSizeWarningLimit: 1000,
  },
  plugins: [compressed()],
});
