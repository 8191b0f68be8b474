/** What a service sees of HTTP: a request that was parsed, checked and authenticated, and an answer to give. */
import type { IncomingHttpHeaders } from 'node:http';
import type { ShoalError } from '../../proto/error.ts';
import type { RequestId } from '../../proto/ids.ts';
import type { ApiName, BodyOf, Route } from '../../proto/rest/route.ts';

export interface DomainRef {
  readonly id: string;
  readonly name: string;
}

export type Scope =
  | { readonly kind: 'unscoped' }
  | {
      readonly kind: 'project';
      readonly id: string;
      readonly name: string;
      readonly domain: DomainRef;
      /** The project is a domain, its own. */
      readonly isDomain?: true;
    }
  | { readonly kind: 'domain'; readonly id: string; readonly name: string }
  | { readonly kind: 'system' };

/** One call that an application credential may make. */
export interface AccessRule {
  /** Service type, e.g. `object-store`. */
  readonly service: string;
  readonly method: string;
  /** Pattern of the path, see `access-rule.ts`. */
  readonly path: string;
}

/** Who calls: the content of a verified token. */
export interface Principal {
  readonly user: { readonly id: string; readonly name: string; readonly domain: DomainRef };
  readonly scope: Scope;
  /** Role names and ids on the scope. */
  readonly roles: readonly { readonly id: string; readonly name: string }[];
  readonly methods: readonly string[];
  /** Present: a token of an application credential that may do only this. http checks it. */
  readonly accessRules?: readonly AccessRule[];
  /** The application credential behind the token. A restricted one makes no further credentials. */
  readonly applicationCredential?: {
    readonly id: string;
    readonly name: string;
    readonly restricted: boolean;
    /** It is an OAuth access token of this consumer. */
    readonly consumerId?: string;
  };
  readonly auditIds: readonly string[];
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
}

export const hasRole = (principal: Principal, ...names: string[]): boolean =>
  principal.roles.some((role) => names.includes(role.name));
/** Who did it, as the journal names him. */
export const actorOf = ({ user, scope }: Principal) => ({
  userId: user.id,
  userName: user.name,
  projectId: scope.kind === 'project' ? scope.id : null,
});
export const isAdmin = (principal: Principal): boolean => hasRole(principal, 'admin');

export interface ApiRequest<R extends Route = Route> {
  readonly route: R;
  readonly requestId: RequestId;
  readonly method: string;
  /** Scheme, host and port that the client used: catalog and self links are built on it. */
  readonly origin: string;
  /** Before the question mark, as it came: with its escapes, and the slash at its end if there is one. */
  readonly path: string;
  /** Of the connection: a proxy's where one stands between. */
  readonly remoteAddress: string;
  /** Decoded. A bad percent-encoding was refused before. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /** Validated JSON where the route has a body schema. */
  readonly body: BodyOf<R>;
  /** The raw body otherwise. An early end of the client throws ABORTED out of the iterator. */
  readonly stream: AsyncIterable<Uint8Array>;
  /** Aborts when the client goes away. */
  readonly signal: AbortSignal;
  /** Present unless the route is public and no valid token came. */
  readonly principal?: Principal;
}

/** The principal of a route that is not public. */
export const principalOf = (request: ApiRequest): Principal => {
  if (!request.principal) throw new Error(`route ${request.route.name} is public, it has no principal`);
  return request.principal;
};

export interface ApiAnswer {
  /** Default the route's. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** Plain data becomes JSON; bytes and streams go out as they are (set content-type and content-length). */
  readonly body?: unknown;
}

export type Handler<R extends Route> = (request: ApiRequest<R>) => Promise<ApiAnswer>;

/** How an API words its errors. */
export type ErrorShape = (
  error: ShoalError,
  request: { readonly requestId: RequestId; readonly method: string; readonly path: string },
) => ApiAnswer;

export interface ApiServer {
  serve<R extends Route>(route: R, handler: Handler<R>): void;
  /** Each API brings its error shape once, before it serves. */
  shapeErrors(api: ApiName, shape: ErrorShape): void;
}

/** Turns a token into a principal: identity provides it, http calls it. Throws NOT_AUTHENTICATED. */
export type Authenticate = (token: string) => Promise<Principal>;

/** A request outside the APIs: the panel, metrics. */
export interface RawRequest {
  readonly method: string;
  /** Below the prefix, decoded, without a leading slash. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly requestId: RequestId;
  readonly origin: string;
  readonly signal: AbortSignal;
}

export type RawHandler = (request: RawRequest) => Promise<ApiAnswer>;

/** The listener as compose holds it. */
export interface Http extends ApiServer {
  /** GET and HEAD of `prefix` and all below it that no API has, e.g. `/` for the panel, `/metrics`. */
  serveRaw(prefix: string, handler: RawHandler): void;
  /** Until it is set every route that is not public answers 401. */
  setAuthenticate(authenticate: Authenticate): void;
  /** After the last `serve`. Resolves with its base URL once it listens; throws what `listen` throws. */
  start(): Promise<{ readonly url: string; readonly port: number }>;
  /** Takes no new request, lets those in flight end within `stopGraceMs`, then cuts them off. */
  stop(): Promise<void>;
}
