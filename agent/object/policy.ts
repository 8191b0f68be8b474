/** Storage policies of containers, S3's storage classes of objects, and what each is kept as. */
import { ShoalError } from '../../proto/error.ts';
import { type Code, codeName, codes } from '../../proto/policy.ts';
import type { ContainerRow } from './records.ts';

/** Three copies, or as many as there are hosts below three. */
export const policyDefault = 'replica-3';

/** Those that there are hosts for now. */
export const policyNames = (kept: readonly Code[]): readonly string[] => [
  policyDefault,
  ...kept.map(codeName),
];

/** Undefined where none was asked for. Throws BAD_REQUEST on one that is not known, or that there are too few hosts for. */
export const parsePolicy = (text: string | undefined, kept: readonly Code[]): string | undefined => {
  if (text === undefined || text === '') return undefined;
  const name = text.toLowerCase();
  const names = policyNames(kept);
  if (names.includes(name)) return name;
  const isKnown = codes.some((code) => codeName(code) === name);
  const why = isKnown ? 'there are too few hosts for it, there is' : 'there is';
  throw new ShoalError(
    'BAD_REQUEST',
    `Invalid X-Storage-Policy ${JSON.stringify(text)}: ${why} ${names.join(', ')}`,
  );
};

export const policyOf = ({ policy }: Pick<ContainerRow, 'policy'>): string => policy ?? policyDefault;

const codeNamed = (policy: string | undefined): Code | undefined =>
  codes.find((code) => codeName(code) === policy);

/** S3's classes beside STANDARD, which is what the bucket's policy says. */
const classPolicies = { STANDARD_IA: 'ec-4-2', ONEZONE_IA: 'ec-2-1' } as const;
export type StorageClass = keyof typeof classPolicies;

const isClass = (text: string): text is StorageClass => Object.hasOwn(classPolicies, text);

/** Undefined: what the bucket's policy says. `null`: no class, or one that there are too few hosts for. */
export const parseStorageClass = (
  text: string | undefined,
  kept: readonly Code[],
): StorageClass | undefined | null => {
  if (text === undefined || text === 'STANDARD' || text === 'REDUCED_REDUNDANCY') return undefined;
  return isClass(text) && policyNames(kept).includes(classPolicies[text]) ? text : null;
};

/** What new bytes are kept as; undefined: copies. */
export const codeFor = (
  container: Pick<ContainerRow, 'policy'>,
  storageClass: StorageClass | undefined,
): Code | undefined => codeNamed(storageClass ? classPolicies[storageClass] : container.policy);
