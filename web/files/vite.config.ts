import { defineConfig } from "vite";

import { build } from "../shared/build";
import { compressed } from "../shared/compressed";

export default defineConfig({
  base: "/",
  build,
  plugins: [compressed()],
});
