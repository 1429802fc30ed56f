import { defineConfig, type Plugin } from 'vite';

/**
 * GraphiQL marks its operation tabs up as ARIA tabs that hold two buttons each, which screen readers cannot reach.
 * As a list of buttons they can. The build stops when GraphiQL changes this, so that the patch can go.
 */
const accessibleTabs: Plugin = {
  name: 'accessible-tabs',
  enforce: 'pre',
  transform: {
    filter: { id: /@graphiql\/react\/dist\/components\/tabs\/index\.js$/ },
    handler(code) {
      const patched = code
        .replace('"aria-selected": isActive', '"aria-current": isActive ? "true" : undefined')
        .replace('role: "tab",', '')
        .replace('role: "tablist"', 'role: "list"');
      if (/aria-selected|role: "tab/.test(patched)) this.error('the tabs of @graphiql/react are no longer as known');
      return { code: patched, map: null };
    },
  },
};

// The service serves the page at /graphql and its files at /static/graphiql/. Everything the page needs is in the
// bundle: it runs on a network without internet and under a policy that allows nothing from elsewhere.
export default defineConfig({
  root: 'explorer',
  plugins: [accessibleTabs],
  base: '/static/graphiql/',
  build: {
    outDir: '../../linkage/server/static/graphiql',
    emptyOutDir: true,
    target: 'es2022',
    reportCompressedSize: false,
    rolldownOptions: {
      onwarn(warning, warn) {
        // Libraries carry "use client" marks for server rendering, of which there is none here.
        if (warning.code !== 'MODULE_LEVEL_DIRECTIVE') warn(warning);
      },
    },
    chunkSizeWarningLimit: 5_000, // the code editor is large; it is fetched once, from the service itself
  },
  worker: { format: 'es' },
  server: { proxy: { '/graphql': { target: 'http://127.0.0.1:8410', ws: true }, '/session': 'http://127.0.0.1:8410' } },
});
