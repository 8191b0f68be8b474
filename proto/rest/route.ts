/**
 * A route is written once, here and in the files beside this one. Server, CLI client, panel client, OpenAPI and
 * support tables derive from it.
 */
import type { Static, TSchema } from 'typebox';

export type Method = 'GET' | 'HEAD' | 'PUT' | 'POST' | 'PATCH' | 'DELETE' | 'COPY' | 'OPTIONS';

/** Which API a route belongs to: it decides the prefix and the shape of errors. */
export type ApiName = 'identity' | 'compute' | 'image' | 'object' | 'cluster';

/** Path of each API below a host's address. */
export const apiPrefix: Readonly<Record<ApiName, string>> = {
  identity: '/identity',
  compute: '/compute',
  image: '/image',
  object: '/object-store',
  cluster: '/cluster',
};

/** Where an API stands: Swift's at the root too, for its clients, their scripts and signed links say `/v1/AUTH_x`. */
export const prefixesOf = (api: ApiName): readonly string[] =>
  api === 'object' ? [apiPrefix.object, ''] : [apiPrefix[api]];

/**
 * Who may call, checked before the handler; finer rules (own project, own user) are the use case's.
 * public: anyone. token: any valid token. project: a token scoped to a project. member: one with the role member
 * (or admin) on it. admin: the role admin anywhere.
 */
export type PolicyName = 'public' | 'token' | 'project' | 'member' | 'admin';

export interface Route {
  readonly api: ApiName;
  /** Unique in its API, verb first: `createServer`. */
  readonly name: string;
  readonly method: Method;
  /**
   * Below the API's prefix; `:name` takes one segment, a last `*` takes the rest (param `*`). E.g. `/v3/projects/:projectId`.
   */
  readonly path: string;
  /** No second form of the path with a slash at its end: Glance's `/v2/images/` is an image without a name, 404. */
  readonly exact?: boolean;
  readonly policy: PolicyName;
  /** JSON body. Absent: the handler gets the raw stream. */
  readonly body?: TSchema;
  readonly query?: TSchema;
  /** JSON answer, for docs, clients and tests. */
  readonly answer?: TSchema;
  /** Status of success. */
  readonly status: number;
  /** JSON body bound. Default `jsonBodyBytesMax`. */
  readonly bodyBytesMax?: number;
}

/** Keeps the literal types of a route so that handlers and clients infer body and answer. */
export const route = <const R extends Route>(definition: R): R => definition;

export type BodyOf<R extends Route> = R extends { readonly body: infer S extends TSchema }
  ? Static<S>
  : undefined;
export type AnswerOf<R extends Route> = R extends { readonly answer: infer S extends TSchema }
  ? Static<S>
  : unknown;
