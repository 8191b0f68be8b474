/** A client's JSON value in words. `String` throws on an object that has a member named toString. */
export const textOf = (value: unknown): string =>
  typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));
