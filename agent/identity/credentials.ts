/**
 * What `/v3/credentials` keeps: keys for S3 and EC2, seeds of one-time codes, anything a client likes to leave.
 * A key is found by its hash alone, as a request to S3 brings nothing else; those of a user by an index, which is
 * written before the record and removed after it.
 */
import { createHash } from 'node:crypto';
import { ShoalError } from '../../proto/error.ts';
import { mapLimit } from '../base/map-limit.ts';
import type { Registers, Rows, Tables } from '../table/port.ts';
import { isDefined } from './effective.ts';
import { conflict, notFound } from './error.ts';
import { credentialsMax, readsMax } from './limits.ts';
import type { CredentialRow } from './records.ts';

export interface Credentials {
  get(id: string): Promise<CredentialRow | undefined>;
  ofUser(userId: string): Promise<readonly CredentialRow[]>;
  /** Throws CONFLICT, FORBIDDEN when the user has too many. */
  create(row: CredentialRow): Promise<void>;
  /** Throws NOT_FOUND. */
  change(id: string, next: (row: CredentialRow) => CredentialRow): Promise<CredentialRow>;
  delete(row: CredentialRow): Promise<void>;
}

/** Keystone's: the id of a key pair is the hash of its public half. */
export const accessId = (access: string): string => createHash('sha256').update(access).digest('hex');

/** The key pair in a credential. Throws BAD_REQUEST. */
export interface KeyPair {
  readonly access: string;
  readonly secret: string;
  /** The application credential whose roles bound it. */
  readonly app_cred_id?: string;
}

/** Undefined when the credential is none. */
export const keyPairOf = (row: Pick<CredentialRow, 'type' | 'blob'>): KeyPair | undefined => {
  if (row.type !== 'ec2') return undefined;
  try {
    const { access, secret, app_cred_id: owner } = JSON.parse(row.blob) ?? {};
    if (typeof access !== 'string' || typeof secret !== 'string') return undefined;
    return { access, secret, ...(typeof owner === 'string' && { app_cred_id: owner }) };
  } catch {
    return undefined;
  }
};

export const openCredentials = ({ tables }: { readonly tables: Tables }): Credentials => {
  const records: Registers<CredentialRow> = tables.registers({ name: 'identity.credential' });
  const index: Rows<{ readonly given: true }> = tables.rows({ name: 'identity.credential-of' });
  return {
    get: (id) => records.get(id, ''),
    async ofUser(userId) {
      const { entries } = await index.range(userId, { limit: credentialsMax });
      const rows = await mapLimit(entries, readsMax, ({ sortKey }) => records.get(sortKey, ''));
      return rows.filter(isDefined).filter((row) => row.userId === userId);
    },
    async create(row) {
      if ((await index.tally(row.userId)).rows >= credentialsMax)
        throw new ShoalError(
          'FORBIDDEN',
          `Cannot keep more than ${credentialsMax} credentials of one user: delete what is not used`,
        );
      await index.put(row.userId, row.id, { given: true });
      let isMine = false;
      await records.change(row.id, '', (current) => {
        isMine = current === undefined;
        return current ?? row;
      });
      if (!isMine) throw conflict('credential', `Duplicate entry found with ID ${row.id}`);
    },
    async change(id, next) {
      const row = await records.change(id, '', (current) => {
        if (!current) throw notFound('credential', id);
        return next(current);
      });
      if (!row) throw notFound('credential', id);
      return row;
    },
    async delete({ id, userId }) {
      await records.change(id, '', () => undefined);
      await index.delete(userId, id);
    },
  };
};
