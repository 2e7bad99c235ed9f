import { fileURLToPath } from "node:url";

import { defineConfig } from "vitest/config";

/** Modules that Airflow's own user interface puts on `globalThis`, so that a plugin shares them. */
const OF_THE_HOST = {
  "@chakra-ui/react": "ChakraUI",
  "@emotion/react": "EmotionReact",
  react: "React",
  "react-dom": "ReactDOM",
  "react-router-dom": "ReactRouterDOM",
  "react/jsx-runtime": "ReactJSXRuntime",
};

export default defineConfig({
  build: {
    copyPublicDir: true,
    emptyOutDir: true,
    lib: {
      entry: "src/main.ts",
      fileName: () => "pinning.js",
      formats: ["iife"],
      name: "AirflowPinning",
    },
    reportCompressedSize: false,
    rollupOptions: {
      external: Object.keys(OF_THE_HOST),
      output: { globals: OF_THE_HOST },
    },
    target: "es2022",
  },
  resolve: { alias: { src: fileURLToPath(new URL("src", import.meta.url)) } },
  test: { include: ["tests/**/*.test.ts"], watch: false },
});
