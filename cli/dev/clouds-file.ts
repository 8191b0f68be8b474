/** DIR/clouds.yaml: a cloud `shoal` at the first host and one more entry a host, all as the admin. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import type { Rehearsal } from './rehearsal.ts';

/** `shoal init` wrote the credentials into the first host's own file. */
export const writeCloudsFile = (rehearsal: Rehearsal): string => {
  const [first] = rehearsal.hosts;
  if (!first) throw new Error('a rehearsal has at least one host');
  const own = parse(readFileSync(join(first.dataDir, 'clouds.yaml'), 'utf8')) as {
    clouds: { shoal: { auth: object } };
  };
  const entry = (apiUrl: string) => ({
    ...own.clouds.shoal,
    auth: { ...own.clouds.shoal.auth, auth_url: `${apiUrl}/identity/v3` },
  });
  const clouds = Object.fromEntries([
    ['shoal', entry(first.apiUrl)],
    ...rehearsal.hosts.map((host) => [host.name, entry(host.apiUrl)] as const),
  ]);
  const file = join(rehearsal.directory, 'clouds.yaml');
  writeFileSync(`${file}.new`, stringify({ clouds }, { aliasDuplicateObjects: false }), { mode: 0o600 });
  renameSync(`${file}.new`, file);
  return file;
};
