// The GraphQL explorer: GraphiQL with the saved investigations open beside it.

import 'graphiql/setup-workers/vite';
import 'graphiql/style.css';
import '@graphiql/plugin-explorer/style.css';
import './style.css';

import { explorerPlugin } from '@graphiql/plugin-explorer';
import { useGraphiQL, useMonaco } from '@graphiql/react';
import type { Fetcher } from '@graphiql/toolkit';
import { GraphiQL } from 'graphiql';
import { StrictMode, useEffect, useMemo } from 'react';
import { createRoot } from 'react-dom/client';

import { look, trouble } from './clues';
import { Header } from './header';
import { INVESTIGATIONS } from './investigations';
import { investigationsPlugin } from './panel';
import { learn, operate, signInWanted } from './service';
import { useSignal } from './signal';
import { storage } from './storage';
import { defineThemes } from './theme';

const RETRY = 5_000; // milliseconds

const PLUGINS = [investigationsPlugin, explorerPlugin()];
const FIRST_TABS = INVESTIGATIONS.slice(0, 1).map(({ text }) => ({ query: `${text}\n` }));

/** Stands in the place of GraphiQL's logo: nothing to see, but inside GraphiQL, where the editors are known. */
function EditorSettings() {
  const { monaco } = useMonaco();
  useEffect(() => {
    if (monaco) defineThemes(monaco);
  }, [monaco]);
  const editors = useGraphiQL((state) => [
    state.queryEditor,
    state.variableEditor,
    state.headerEditor,
    state.responseEditor,
  ]);
  useEffect(() => {
    // The story at the head of an investigation is prose: wrapped rather than cut off.
    // Sentences have a real minus, which is no trap for readers of code here.
    const unicodeHighlight = { ambiguousCharacters: false };
    for (const editor of editors) editor?.updateOptions({ wordWrap: 'on', fontSize: 13, unicodeHighlight });
  }, [editors]);
  const active = useGraphiQL((state) => state.activeTabIndex);
  useEffect(() => {
    document.querySelectorAll('.graphiql-tab').item(active)?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }, [active]);
  return null;
}

function App() {
  const wanted = useSignal(signInWanted);
  // A new function when somebody signed in: GraphiQL then fetches the schema again.
  const fetcher = useMemo<Fetcher>(() => (parameters, options) => operate(parameters, options), [wanted]);
  const problem = useSignal(trouble);
  useEffect(() => {
    if (!wanted) void look();
  }, [wanted]);
  useEffect(() => {
    if (!problem || wanted) return undefined;
    // While the graph is away or still catching up, ask again by ourselves.
    const timer = setInterval(() => void look(), RETRY);
    return () => clearInterval(timer);
  }, [problem, wanted]);
  return (
    <>
      <Header />
      <main>
        <GraphiQL
          fetcher={fetcher}
          plugins={PLUGINS}
          visiblePlugin={investigationsPlugin}
          defaultTabs={FIRST_TABS}
          defaultEditorToolsVisibility="variables"
          shouldPersistHeaders={false}
          showPersistHeadersSettings={false}
          storage={storage}
          inputValueDeprecation
          schemaDescription
        >
          <GraphiQL.Logo>
            <EditorSettings />
          </GraphiQL.Logo>
        </GraphiQL>
      </main>
    </>
  );
}

const root = document.getElementById('root');
if (root) {
  // Who is signed in is known before anything is asked. A service that does not answer is told of by what asks next.
  await learn().catch(() => undefined);
  createRoot(root).render(
    <StrictMode>
      <App />
    </StrictMode>,
  );
}
