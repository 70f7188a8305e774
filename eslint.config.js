import tseslint from "typescript-eslint";

/** The arrows of the house: commands → migrators → cluster → lib. Nothing imports against them. */
const UPWARDS = {
  "src/lib": ["cluster", "migrators", "commands"],
  "src/cluster": ["migrators", "commands"],
  "src/migrators": ["commands"],
};

/** Packages that only their seam may import: the expression that names them, the seam, and why. */
const SEAMS = [
  { regex: "^ssh2", seam: "src/lib/host/ssh/", message: "machines are touched through the Host seam (src/lib/host)" },
  {
    regex: "^execa",
    seam: "src/lib/host/local-host.ts",
    message: "machines are touched through the Host seam (src/lib/host)",
  },
  {
    regex: "^(node:)?child_process",
    seam: "src/lib/process-group.ts",
    message: "machines are touched through the Host seam (src/lib/host)",
  },
  { regex: "^listr2", seam: "src/lib/view/", message: "progress goes through the Report seam (src/lib/report.ts)" },
];

/** What files of `folder` may not import; `seam` is the seam that they are, if any. */
function restricted(folder, seam) {
  const above = (UPWARDS[folder] ?? []).map((name) => ({
    regex: `^(\\.\\./)+${name}/`,
    message: `${folder} must not import from src/${name}: arrows go commands → migrators → cluster → lib`,
  }));
  const packages = SEAMS.filter((one) => one.seam !== seam).map(({ regex, message }) => ({ regex, message }));
  return { "@typescript-eslint/no-restricted-imports": ["error", { patterns: [...above, ...packages] }] };
}

/** General rules first: where two match a file, the later one counts. */
const arrows = [
  ...[...Object.keys(UPWARDS), "src/commands"].map((folder) => ({
    files: [`${folder}/**/*.ts`],
    rules: restricted(folder),
  })),
  ...SEAMS.map(({ seam }) => ({
    files: [seam.endsWith("/") ? `${seam}**/*.ts` : seam],
    rules: restricted(seam.split("/").slice(0, 2).join("/"), seam),
  })),
];

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
);
