import { defineConfig } from "vite";

import { build } from "../shared/build";
import { compressed } from "../shared/compressed";

export default defineConfig({
  base: "/",
  build: {
    ...build,
    // React and react-aria are most of it, and the first page needs them.
    chunkSizeWarningLimit: 1000,
  },
  server: {
    // `npx vite` beside an API on its usual address.
    proxy: { "/graphql": { target: "http://127.0.0.1:8080", ws: true, changeOrigin: true } },
  },
  plugins: [compressed()],
});
