import tseslint from "typescript-eslint";

/** The arrows of the house: commands → migrators → cluster → lib. Nothing imports against them. */
const UPWARDS = {
  "src/lib": ["cluster", "migrators", "commands"],
  "src/cluster": ["migrators", "commands"],
  "src/migrators": ["commands"],
};

const arrows = Object.entries(UPWARDS).map(([folder, above]) => ({
  files: [`${folder}/**/*.ts`],
  rules: {
    "@typescript-eslint/no-restricted-imports": [
      "error",
      {
        patterns: [
          ...above.map((name) => ({
            regex: `^(\\.\\./)+${name}/`,
            message: `${folder} must not import from src/${name}: arrows go commands → migrators → cluster → lib`,
          })),
          ...seams(folder),
        ],
      },
    ],
  },
}));

/** Packages that only their seam may import. */
function seams(folder) {
  if (folder === "src/lib") return [];
  return [
    { regex: "^ssh2", message: "machines are touched through the Host seam (src/lib/host)" },
    { regex: "^execa", message: "machines are touched through the Host seam (src/lib/host)" },
    { regex: "^listr2", message: "progress goes through the Report seam (src/lib/view)" },
    { regex: "^(node:)?child_process", message: "machines are touched through the Host seam (src/lib/host)" },
  ];
}

export default tseslint.config(
  { ignores: ["dist", "node_modules", ".cache", "coverage"] },
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { project: "./test/tsconfig.json", tsconfigRootDir: import.meta.dirname } },
    rules: {
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      "@typescript-eslint/consistent-type-imports": "error",
      "max-lines": ["warn", { max: 300, skipBlankLines: true, skipComments: true }],
    },
  },
  {
    files: ["test/**/*.ts"],
    rules: {
      "@typescript-eslint/no-non-null-assertion": "off",
      "@typescript-eslint/no-floating-promises": [
        "error",
        { allowForKnownSafeCalls: [{ from: "package", package: "@types/mocha", name: ["describe", "it"] }] },
      ],
    },
  },
  ...arrows,
  {
    files: ["src/commands/**/*.ts"],
    rules: { "@typescript-eslint/no-restricted-imports": ["error", { patterns: seams("src/commands") }] },
  },
);
