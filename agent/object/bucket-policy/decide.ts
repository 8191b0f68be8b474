/**
 * What a policy says about a request. One statement that denies is enough; else one that allows; else nothing, and
 * access lists have the word.
 */
import type { Principal } from '../../http/port.ts';
import { policiesKeptMax } from '../limits.ts';
import { conditionHolds } from './condition.ts';
import { parsePolicy, type Statement, serviceName } from './document.ts';
import type { Facts } from './facts.ts';
import { matchesPattern } from './pattern.ts';

export interface PolicyRequest {
  readonly principal: Principal | undefined;
  /** A part of the cloud that does it by itself: `logging.s3.amazonaws.com`. */
  readonly service?: string;
  /** `s3:GetObject`. */
  readonly action: string;
  readonly bucket: string;
  /** '' for the bucket itself. */
  readonly key: string;
  readonly facts: Facts;
}

export type Verdict = 'allow' | 'deny' | 'silent';

/**
 * Who somebody is to a policy. An account is a project, a user is meant by id or name:
 *
 *     PROJECT   arn:aws:iam::PROJECT:root   arn:aws:iam::PROJECT:user/USER
 */
const namesOf = ({ scope, user }: Principal): readonly string[] => {
  if (scope.kind !== 'project') return [];
  const users = [user.id, user.name].flatMap((name) => [
    `arn:aws:iam::${scope.id}:user/${name}`,
    `arn:aws:iam:::user/${user.id}`,
  ]);
  return [scope.id, `arn:aws:iam::${scope.id}:root`, ...users];
};

const isMeant = ({ principals, isNotPrincipal }: Statement, names: readonly string[]): boolean =>
  principals.some((one) => one === '*' || names.includes(one)) !== isNotPrincipal;

/** What nobody knows, and a name that would itself be a pattern, stands for nothing and matches nothing. */
const filler =
  (facts: Facts) =>
  (text: string): string =>
    text.replaceAll(/\$\{([^}]*)\}/g, (_, name: string) => {
      const value = facts.get(name.toLowerCase())?.[0] ?? '\0';
      return /[*?]/.test(value) ? '\0' : value;
    });

export const decidePolicy = (
  statements: readonly Statement[],
  { principal, service, action, bucket, key, facts }: PolicyRequest,
): Verdict => {
  const names = [
    ...(principal ? namesOf(principal) : []),
    ...(service === undefined ? [] : [serviceName(service)]),
  ];
  const resource = `arn:aws:s3:::${bucket}${key === '' ? '' : `/${key}`}`;
  const lowerAction = action.toLowerCase();
  const fill = filler(facts);
  const applies = (statement: Statement): boolean =>
    isMeant(statement, names) &&
    statement.actions.some((one) => matchesPattern(one, lowerAction)) !== statement.isNotAction &&
    statement.resources.some((one) => matchesPattern(fill(one), resource)) !== statement.isNotResource &&
    statement.conditions.every((condition) => conditionHolds(condition, facts, fill));
  let verdict: Verdict = 'silent';
  for (const statement of statements) {
    if (verdict !== 'silent' && statement.effect === 'Allow') continue;
    if (!applies(statement)) continue;
    if (statement.effect === 'Deny') return 'deny';
    verdict = 'allow';
  }
  return verdict;
};

const kept = new Map<string, readonly Statement[]>();

/** A stored policy, parsed once while it is in use. */
export const statementsOf = (text: string, bucket: string): readonly Statement[] => {
  const name = `${bucket}\0${text}`;
  const found = kept.get(name) ?? parsePolicy(text, bucket);
  kept.delete(name);
  kept.set(name, found);
  const oldest = kept.keys().next();
  if (kept.size > policiesKeptMax && !oldest.done) kept.delete(oldest.value);
  return found;
};
