/** A request as it came, before anything was decoded: what its sender signed. */
export interface RawAsk {
  readonly method: string;
  /** Before the question mark, with its escapes. */
  readonly path: string;
  /** After it, with its escapes; '' without. */
  readonly query: string;
  /** All headers, as many times as each came, lower-case names; values as node has them, one character a byte. */
  readonly headers: ReadonlyMap<string, readonly string[]>;
  /** The first of that name. */
  header(name: string): string | undefined;
}

/** `url` and `rawHeaders` as `IncomingMessage` has them. */
export const rawAsk = (method: string, url: string, rawHeaders: readonly string[]): RawAsk => {
  const mark = url.indexOf('?');
  const headers = new Map<string, string[]>();
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] ?? '').toLowerCase();
    const values = headers.get(name);
    if (values) values.push(rawHeaders[at + 1] ?? '');
    else headers.set(name, [rawHeaders[at + 1] ?? '']);
  }
  return {
    method,
    path: mark < 0 ? url : url.slice(0, mark),
    query: mark < 0 ? '' : url.slice(mark + 1),
    headers,
    header: (name) => headers.get(name)?.[0],
  };
};
