import { defineConfig } from "vite"

export default defineConfig({
  // The front end of `make ui`; `npm run dev` serves it with the API of a server that runs.
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  server: { proxy: { "/api": { target: "http://127.0.0.1:5000", changeOrigin: true } } },
  build: {
    outDir: "../src/trackway/server/static",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 700,
  },
})
