/** An entry by its name, and nothing that an object inherits (a guest may be named "constructor"). */
export function entryOf<T>(entries: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(entries, name) ? entries[name] : undefined;
}
