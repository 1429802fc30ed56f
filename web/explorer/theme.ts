// The colours of the editors: GraphiQL's two themes under their own names, with this page's accent, and with every
// colour at a contrast of at least 4.5 : 1 against what lies behind it.

interface Theme {
  readonly base: 'vs' | 'vs-dark';
  readonly inherit: boolean;
  rules: { token: string; foreground: string }[];
  readonly colors: Record<string, string>;
}

/** What of the code editor is used here. */
interface Monaco {
  readonly editor: { defineTheme(name: string, theme: Theme): void };
}

interface Palette {
  readonly base: 'vs' | 'vs-dark';
  readonly panel: string;
  readonly accent: string;
  readonly hover: string;
  readonly lineNumber: string;
  readonly tokens: Readonly<Record<string, string>>;
}

const PALETTES: Readonly<Record<string, Palette>> = {
  'graphiql-LIGHT': {
    base: 'vs',
    panel: '#ffffff',
    accent: '#0e6680',
    hover: '#0e668019',
    lineNumber: '#5b6b78',
    tokens: { comment: '4a6b3a', number: '06603f', 'argument.identifier.gql': '5a55c4' },
  },
  'graphiql-DARK': {
    base: 'vs-dark',
    panel: '#212a3b',
    accent: '#63c7de',
    hover: '#63c7de19',
    lineNumber: '#a3b1bf',
    tokens: { comment: '9bbf8a', 'argument.identifier.gql': 'a09cff' },
  },
};

/** Define the themes anew; the editors that are open take them up at once. */
export function defineThemes(monaco: Monaco): void {
  for (const [name, palette] of Object.entries(PALETTES)) {
    monaco.editor.defineTheme(name, {
      base: palette.base,
      inherit: true,
      rules: Object.entries(palette.tokens).map(([token, foreground]) => ({ token, foreground })),
      colors: {
        'editor.background': '#ffffff00',
        'scrollbar.shadow': '#ffffff00',
        'editorLineNumber.foreground': palette.lineNumber,
        'editorLineNumber.dimmedForeground': palette.lineNumber,
        'editorLineNumber.activeForeground': palette.accent,
        'editorHoverWidget.background': palette.panel,
        'editorSuggestWidget.background': palette.panel,
        'editorSuggestWidget.selectedBackground': palette.hover,
        'editorSuggestWidget.selectedForeground': palette.accent,
        'editorWidget.background': palette.panel,
        'menu.background': palette.panel,
        'menu.selectionBackground': palette.hover,
        'menu.selectionForeground': palette.accent,
        'quickInput.background': palette.panel,
        'quickInputList.focusBackground': palette.hover,
        'quickInputList.focusForeground': palette.accent,
        'list.hoverBackground': palette.hover,
        'list.highlightForeground': palette.accent,
        'textLink.foreground': palette.accent,
        'textLink.activeForeground': palette.accent,
        'editorLink.activeForeground': palette.accent,
        focusBorder: palette.accent,
      },
    });
  }
}
