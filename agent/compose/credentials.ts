/**
 * The admin's credentials: drawn by `init`, kept in the first host's `clouds.yaml` (mode 0600) for whoever has root
 * there, and given to identity once, when the cluster has no users yet.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ShoalError } from '../../proto/error.ts';
import { writeFileAtomic } from '../base/atomic-file.ts';

/** 144 bits. */
const passwordBytes = 18;

const fileOf = (directory: string): string => join(directory, 'clouds.yaml');

export const writeCredentials = async (
  directory: string,
  apiUrl: string,
  region: string,
): Promise<string> => {
  const auth = {
    auth_url: `${apiUrl}/identity/v3`,
    username: 'admin',
    password: randomBytes(passwordBytes).toString('base64url'),
    project_name: 'admin',
    user_domain_name: 'Default',
    project_domain_name: 'Default',
  };
  const clouds = { shoal: { auth, region_name: region, identity_api_version: '3' } };
  const { stringify } = await import('yaml');
  await writeFileAtomic(fileOf(directory), stringify({ clouds }), { mode: 0o600 });
  return fileOf(directory);
};

const parseFile = async (file: string): Promise<unknown> => {
  const { parse } = await import('yaml');
  try {
    return parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message.split('\n')[0] : String(cause);
    throw new ShoalError('DAMAGED', `Cannot read ${file}: ${why}`, { cause });
  }
};

/** undefined on hosts that joined: they never held it. Throws DAMAGED on a file that is no YAML. */
export const readAdminPassword = async (directory: string): Promise<string | undefined> => {
  if (!existsSync(fileOf(directory))) return undefined;
  const found = (await parseFile(fileOf(directory))) as {
    clouds?: { shoal?: { auth?: { password?: unknown } } };
  } | null;
  const password = found?.clouds?.shoal?.auth?.password;
  return typeof password === 'string' ? password : undefined;
};
