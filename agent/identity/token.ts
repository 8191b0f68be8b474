/**
 * A token: what a login decided, signed by the host that decided it. Any agent checks it without asking anyone:
 *
 *     base64url( version, msgpack [ host key 32, user 16, generation, scope, methods, audit 16, issued, expires, parent, application ], signature 64 )
 *
 * Some 225 characters for a project scope (Fernet's have 180 to 250). It carries ids only: names, roles and
 * whether all of that still stands are rows. `generation` is the user's: a new password or a disabled account
 * raises it in the user's own register, which ends all older tokens at once, whatever any clock says.
 */
import { codec } from '../../proto/codec.ts';
import { ShoalError } from '../../proto/error.ts';
import type { HostId } from '../../proto/ids.ts';
import { secondMs } from '../../proto/units.ts';
import { hostIdOf, hostKeyOf } from './base58.ts';
import { tokenCharsMax } from './limits.ts';

export type TokenScope =
  | { readonly kind: 'unscoped' }
  | { readonly kind: 'project' | 'domain'; readonly id: string }
  | { readonly kind: 'system' };

export interface TokenPayload {
  readonly userId: string;
  readonly generation: number;
  readonly scope: TokenScope;
  readonly methods: readonly string[];
  /** 22 characters of base64url, as Keystone's. */
  readonly auditId: string;
  /** The token that this one was made from. */
  readonly parentAuditId?: string;
  /** Made with this application credential, or from such a token: it bounds what the token may. */
  readonly applicationId?: string;
  readonly issuedAtMs: number;
  /** A whole second. */
  readonly expiresAtMs: number;
}

export interface Signer {
  readonly hostId: HostId;
  /** Ed25519 with this host's key: 64 bytes. */
  sign(bytes: Uint8Array): Uint8Array | Promise<Uint8Array>;
  verify(hostId: HostId, bytes: Uint8Array, signature: Uint8Array): boolean | Promise<boolean>;
  /** Is it on the roster? A host that was removed has no valid tokens. */
  isHost(hostId: HostId): boolean;
}

const [signatureBytes, hostKeyBytes, idBytes] = [64, 32, 16];
/** A bit each, by place: only ever longer. */
const methodNames = [
  'password',
  'token',
  'application_credential',
  'totp',
  'ec2credential',
  'oauth1',
] as const;
const scopeKinds = ['unscoped', 'project', 'domain', 'system'] as const;
/** The host's key signs other things too; none of them begins so. */
const context = new TextEncoder().encode('shoal token\0');

type Packed = readonly [
  host: Uint8Array,
  user: Uint8Array | string,
  generation: number,
  scopeKind: number,
  scopeId: Uint8Array | string | null,
  methods: number,
  audit: Uint8Array,
  issuedAtMs: number,
  expiresAtSeconds: number,
  parent: Uint8Array | null,
  application?: Uint8Array | string,
];
const packed = codec<Packed>('token');

/** Keystone ids are 32 hex digits, save `default`. */
const packId = (id: string): Uint8Array | string =>
  /^[0-9a-f]{32}$/.test(id) ? Uint8Array.from(Buffer.from(id, 'hex')) : id;
const unpackId = (id: Uint8Array | string): string =>
  typeof id === 'string' ? id : Buffer.from(id).toString('hex');
const packAudit = (id: string): Uint8Array => Uint8Array.from(Buffer.from(id, 'base64url'));
const unpackAudit = (id: Uint8Array): string => Buffer.from(id).toString('base64url');

const signed = (body: Uint8Array): Uint8Array => Buffer.concat([context, body]);

export const issueToken = async (signer: Signer, payload: TokenPayload): Promise<string> => {
  const { scope, parentAuditId } = payload;
  const fields: Packed = [
    hostKeyOf(signer.hostId),
    packId(payload.userId),
    payload.generation,
    scopeKinds.indexOf(scope.kind),
    'id' in scope ? packId(scope.id) : null,
    methodNames.reduce((bits, name, i) => (payload.methods.includes(name) ? bits | (1 << i) : bits), 0),
    packAudit(payload.auditId),
    payload.issuedAtMs,
    payload.expiresAtMs / secondMs,
    parentAuditId === undefined ? null : packAudit(parentAuditId),
    ...(payload.applicationId === undefined ? ([] as const) : ([packId(payload.applicationId)] as const)),
  ];
  const body = packed.encode(fields);
  return Buffer.concat([body, await signer.sign(signed(body))]).toString('base64url');
};

export interface SignedToken {
  /** Who signed it. Still on the roster when it was read. */
  readonly host: HostId;
  readonly payload: TokenPayload;
}

/**
 * What stands in a token is believed only after its signature, and is read before it: anything may stand there. (Bytes
 * made from an object with a `length` take as much memory as that says.)
 */
const isPacked = (fields: unknown): fields is Packed => {
  if (!Array.isArray(fields)) return false;
  const [host, user, generation, kind, scope, methods, audit, issued, expires, parent, application] = fields;
  const isBytes = (value: unknown, length: number): boolean =>
    value instanceof Uint8Array && value.length === length;
  const isId = (value: unknown): boolean => typeof value === 'string' || isBytes(value, idBytes);
  return (
    isBytes(host, hostKeyBytes) &&
    isId(user) &&
    (scope === null || isId(scope)) &&
    isBytes(audit, idBytes) &&
    (parent === null || isBytes(parent, idBytes)) &&
    (application === undefined || isId(application)) &&
    [generation, kind, methods, issued, expires].every(Number.isFinite)
  );
};

const unpack = (fields: Packed): SignedToken => {
  const [host, user, generation, scopeKind, scopeId, methods, audit, issuedAtMs, expiresAtSeconds, ...more] =
    fields;
  const [parent, application] = more;
  const kind = scopeKinds[scopeKind] ?? 'unscoped';
  const scope: TokenScope =
    kind === 'project' || kind === 'domain' ? { kind, id: unpackId(scopeId ?? '') } : { kind };
  return {
    host: hostIdOf(host),
    payload: {
      userId: unpackId(user),
      generation,
      scope,
      methods: methodNames.filter((_, i) => methods & (1 << i)),
      auditId: unpackAudit(audit),
      ...(parent && { parentAuditId: unpackAudit(parent) }),
      ...(application !== undefined && { applicationId: unpackId(application) }),
      issuedAtMs,
      expiresAtMs: expiresAtSeconds * secondMs,
    },
  };
};

const unreadable = (cause?: unknown): ShoalError =>
  new ShoalError('NOT_AUTHENTICATED', 'Cannot take the token: no host of this cluster has signed it', {
    cause,
  });

/** Whether it expired is the caller's question. Throws NOT_AUTHENTICATED. */
export const readToken = async (signer: Signer, text: string): Promise<SignedToken> => {
  if (text.length > tokenCharsMax || !/^[\w-]+$/.test(text)) throw unreadable();
  const bytes = Uint8Array.from(Buffer.from(text, 'base64url'));
  const body = bytes.subarray(0, -signatureBytes);
  const signature = bytes.subarray(-signatureBytes);
  // The last character of base64url has unused bits: only the one text that we wrote is the token.
  if (body.length === 0 || Buffer.from(bytes).toString('base64url') !== text) throw unreadable();
  let read: SignedToken;
  try {
    const fields: unknown = packed.decode(body);
    if (!isPacked(fields)) throw new Error('its parts are of another kind');
    read = unpack(fields);
  } catch (cause) {
    throw unreadable(cause);
  }
  if (!signer.isHost(read.host) || !(await signer.verify(read.host, signed(body), signature)))
    throw unreadable();
  return read;
};
