/**
 * The access list of a whole account, `X-Account-Access-Control`: JSON with the levels admin, read-write and
 * read-only, each a list of `project:user` (ids or names, `*` for any) or role names as in a container's list.
 */
import { ShoalError } from '../../proto/error.ts';
import type { Principal } from '../http/port.ts';
import { principalAllowed } from './access-list.ts';
import { accountListBytesMax } from './limits.ts';

export const accountLevels = ['admin', 'read-write', 'read-only'] as const;
export type AccountLevel = (typeof accountLevels)[number];
export type AccountList = { readonly [Level in AccountLevel]?: readonly string[] };

const isLevel = (name: string): name is AccountLevel => accountLevels.some((level) => level === name);
const isNames = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((name) => typeof name === 'string' && name !== '');

/** '' and `{}` take the list away. Throws BAD_REQUEST. */
export const parseAccountList = (text: string): AccountList | undefined => {
  const refuse = (why: string): never => {
    throw new ShoalError('BAD_REQUEST', `X-Account-Access-Control invalid: ${why}`);
  };
  if (Buffer.byteLength(text) > accountListBytesMax) refuse(`longer than ${accountListBytesMax} bytes`);
  let value: unknown = {};
  try {
    if (text.trim() !== '') value = JSON.parse(text);
  } catch {
    refuse('it is no JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return refuse('it is no JSON object');
  const list: { [Level in AccountLevel]?: readonly string[] } = {};
  for (const [level, names] of Object.entries(value)) {
    if (!isLevel(level)) return refuse(`${JSON.stringify(level)} is none of ${accountLevels.join(', ')}`);
    if (!isNames(names)) return refuse(`${level} is no list of names`);
    if (names.length > 0) list[level] = names;
  }
  return Object.keys(list).length === 0 ? undefined : list;
};

/** The highest level that the list gives. */
export const accountLevel = (
  list: AccountList,
  principal: Principal | undefined,
  idsOnly = false,
): AccountLevel | undefined =>
  principal && accountLevels.find((level) => principalAllowed(list[level] ?? [], principal, idsOnly));
