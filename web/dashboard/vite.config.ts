import { defineConfig } from "vite";

import { compressed } from "../shared/compressed";

export default defineConfig({
  base: "/",
  build: {
    target: "es2022",
    // The page's policy allows no `data:` addresses and no inline script.
    assetsInlineLimit: 0,
    modulePreload: false,
    // React and react-aria are most of it, and the first page needs them.
    chunkSizeWarningLimit: 1000,
  },
  server: {
    // `npx vite` beside an API on its usual address.
    proxy: { "/graphql": { target: "http://127.0.0.1:8080", ws: true, changeOrigin: true } },
  },
  plugins: [compressed()],
});
