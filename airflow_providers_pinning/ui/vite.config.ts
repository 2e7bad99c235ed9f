/*
 * Licensed to the Apache Software Foundation (ASF) under one
 * or more contributor license agreements.  See the NOTICE file
 * distributed with this work for additional information
 * regarding copyright ownership.  The ASF licenses this file
 * to you under the Apache License, Version 2.0 (the
 * "License"); you may not use this file except in compliance
 * with the License.  You may obtain a copy of the License at
 *
 *   http://www.apache.org/licenses/LICENSE-2.0
 *
 * Unless required by applicable law or agreed to in writing,
 * software distributed under the License is distributed on an
 * "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY
 * KIND, either express or implied.  See the License for the
 * specific language governing permissions and limitations
 * under the License.
 */

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
      output: {
        postBanner: "/*! Part of airflow-providers-pinning, built from ui/src. Licensed under Apache-2.0. */",
        globals: OF_THE_HOST,
      },
    },
    target: "es2022",
  },
  resolve: { alias: { src: fileURLToPath(new URL("src", import.meta.url)) } },
  test: { include: ["tests/**/*.test.ts"], isolate: false, pool: "threads" },
});
