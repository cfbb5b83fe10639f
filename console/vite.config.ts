// How the console is built: to plain files that isthmusd serves, with nothing inlined, because its
// content security policy is `default-src 'self'`.
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

export default defineConfig({
  plugins: [react()],
  build: {
    outDir: 'dist',
    // The size test reads it to know which files a first visit loads.
    manifest: 'manifest.json',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: 'es2023',
    cssTarget: 'chrome123',
    reportCompressedSize: false,
    chunkSizeWarningLimit: 1_000,
  },
});
