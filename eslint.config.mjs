// Checks the add-ons' JavaScript. The packages live under .local/node (dev/lint/node_tools.py),
// hence the require. Odoo's import aliases (@web, @point_of_sale/..) are not resolved here:
// the bundles and the tours prove them.
import { createRequire } from "node:module";

const require = createRequire(new URL("./.local/node/package.json", import.meta.url));
const js = require("@eslint/js");
const globals = require("globals");

export default [
    { ignores: [".local/**", "**/node_modules/**", "**/static/lib/**"] },
    js.configs.recommended,
    {
        files: ["**/*.js"],
        languageOptions: {
            ecmaVersion: 2022,
            sourceType: "module",
            globals: { ...globals.browser, luxon: "readonly", odoo: "readonly" },
        },
        linterOptions: { reportUnusedDisableDirectives: "error" },
        rules: {
            "array-callback-return": "error",
            complexity: ["error", 16],
            curly: "error",
            "default-case-last": "error",
            "dot-notation": "error",
            eqeqeq: "error",
            "guard-for-in": "error",
            "no-alert": "error",
            "no-await-in-loop": "off", // a tour and a printer do one thing after another
            "no-caller": "error",
            "no-console": "error",
            "no-else-return": "error",
            "no-eval": "error",
            "no-extend-native": "error",
            "no-implied-eval": "error",
            "no-lonely-if": "error",
            "no-new-func": "error",
            "no-promise-executor-return": "error",
            "no-return-assign": "error",
            "no-self-compare": "error",
            "no-shadow": "error",
            "no-template-curly-in-string": "error",
            "no-throw-literal": "error",
            "no-unneeded-ternary": "error",
            "no-unreachable-loop": "error",
            "no-unused-expressions": "error",
            "no-unused-vars": ["error", { argsIgnorePattern: "^_", caughtErrors: "none" }],
            "no-use-before-define": ["error", { functions: false }],
            "no-useless-concat": "error",
            "no-useless-rename": "error",
            "no-var": "error",
            "object-shorthand": "error",
            "prefer-const": "error",
            "prefer-rest-params": "off", // a patch hands on: super.method(...arguments)
            "prefer-spread": "error",
            "prefer-template": "error",
            radix: "error",
        },
    },
    {
        files: ["**/*.mjs"],
        languageOptions: { ecmaVersion: 2022, sourceType: "module", globals: globals.node },
    },
];
