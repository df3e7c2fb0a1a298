// JavaScript as Odoo formats its own; XML by the plugin that OCA uses.
// The packages live under .local/node (dev/lint/node_tools.py).
import { createRequire } from "node:module";

const require = createRequire(new URL("./.local/node/package.json", import.meta.url));

export default {
    plugins: [require.resolve("@prettier/plugin-xml")],
    printWidth: 100,
    tabWidth: 4,
    semi: true,
    singleQuote: false,
    trailingComma: "es5",
    xmlWhitespaceSensitivity: "preserve",
    overrides: [{ files: ["*.json", "*.yaml", "*.yml"], options: { tabWidth: 2 } }],
};
