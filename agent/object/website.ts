/** A bucket as a website: which key a path means, and where it is sent on instead. Pure. */

/** Where to, in place of what was asked for. */
export interface WebRedirect {
  readonly host?: string;
  readonly protocol?: 'http' | 'https';
  /** Default 301. */
  readonly status?: number;
  readonly key?: string;
  /** In place of the prefix of its condition. */
  readonly prefix?: string;
}

export interface WebRule {
  readonly prefix?: string;
  /** Counts once the object was looked for; absent: before. */
  readonly status?: number;
  readonly redirect: WebRedirect;
}

export type Website =
  | { readonly all: { readonly host: string; readonly protocol?: 'http' | 'https' } }
  | { readonly index: string; readonly error?: string; readonly rules: readonly WebRule[] };

export const indexKey = (key: string, index: string): string =>
  key === '' || key.endsWith('/') ? key + index : key;

/** The first rule whose conditions hold. `status` undefined: nothing was looked for yet. */
export const ruleFor = (
  rules: readonly WebRule[],
  key: string,
  status: number | undefined,
): WebRule | undefined => rules.find((rule) => rule.status === status && key.startsWith(rule.prefix ?? ''));

export const redirectTo = (
  { prefix = '', redirect }: WebRule,
  key: string,
  origin: string,
): { readonly status: number; readonly location: string } => {
  const here = new URL(origin);
  const base =
    redirect.host === undefined && redirect.protocol === undefined
      ? ''
      : `${redirect.protocol ?? here.protocol.replace(':', '')}://${redirect.host ?? here.host}`;
  const to =
    redirect.key ?? (redirect.prefix === undefined ? key : redirect.prefix + key.slice(prefix.length));
  return { status: redirect.status ?? 301, location: `${base}/${encodeURI(to)}` };
};
