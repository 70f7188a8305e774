/**
 * As Promise.all, but nothing is under way any more when it ends: of those that failed the first in the list is thrown,
 * once all have ended.
 */
export async function allEnded<T extends readonly unknown[]>(
  works: readonly [...{ [K in keyof T]: Promise<T[K]> }],
): Promise<T> {
  const promises: readonly Promise<unknown>[] = works;
  await Promise.allSettled(promises);
  return (await Promise.all(promises)) as unknown as T;
}
