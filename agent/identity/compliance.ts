/**
 * Rules for passwords, with Keystone's names of `[security_compliance]`. The agent's settings hold for all domains;
 * a domain's own config (`PATCH /v3/domains/{id}/config`) goes before them, on all hosts at once.
 */
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { secondMs } from '../../proto/units.ts';
import { badRequest } from './error.ts';
import { passwordPatternCharsMax } from './limits.ts';
import type { UserRow } from './records.ts';

export const complianceGroup = 'security_compliance';

const Count = Type.Optional(Type.Integer({ minimum: 0, maximum: 1_000_000 }));

/** Absent and 0: no such rule. */
export const ComplianceConfig = Type.Object(
  {
    /** Wrong passwords in a row that lock an account. */
    lockout_failure_attempts: Count,
    /** Seconds; 0: until an admin sets a new password. */
    lockout_duration: Count,
    /** A new password must differ from this many, the present one and the new one included. */
    unique_last_password_count: Type.Optional(Type.Integer({ minimum: 0, maximum: 32 })),
    password_expires_days: Count,
    /** Days before a user may change it again. */
    minimum_password_age: Count,
    password_regex: Type.Optional(Type.String({ maxLength: passwordPatternCharsMax })),
    password_regex_description: Type.Optional(Type.String({ maxLength: 1024 })),
    /** A password that an admin set is good for nothing but setting another one. */
    change_password_upon_first_use: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);
export type Compliance = Type.Static<typeof ComplianceConfig>;

/** Throws BAD_REQUEST. */
export const parseCompliance = (value: unknown): Compliance => {
  const [first] = Value.Errors(ComplianceConfig, value);
  if (first)
    throw badRequest(
      `Cannot take the config of ${complianceGroup}: ${first.instancePath.slice(1) || 'it'} ${first.message}`,
    );
  const config = value as Compliance;
  try {
    new RegExp(config.password_regex ?? '', 'u');
  } catch (cause) {
    throw badRequest(`Cannot use the password_regex ${config.password_regex}: ${String(cause)}`);
  }
  return config;
};

const dayMs = 86_400 * secondMs;

/** null: never. */
export const passwordEndMs = (
  rules: Compliance,
  { password, passwordAtMs, mustChangePassword, options }: UserRow,
): number | null => {
  if (password === null || passwordAtMs === undefined) return null;
  if (mustChangePassword && rules.change_password_upon_first_use) return passwordAtMs;
  const days = rules.password_expires_days ?? 0;
  return days === 0 || options?.ignore_password_expiry === true ? null : passwordAtMs + days * dayMs;
};

/** What a user chooses. Throws BAD_REQUEST. */
export const checkPattern = (rules: Compliance, password: string): void => {
  const { password_regex: pattern } = rules;
  if (pattern === undefined || new RegExp(pattern, 'u').test(password)) return;
  throw badRequest(
    `Password validation error: The password does not match the requirements: ${rules.password_regex_description ?? pattern}.`,
  );
};

/** Throws BAD_REQUEST while a user may not yet change the password again. */
export const checkAge = (rules: Compliance, user: UserRow, nowMs: number): void => {
  const days = rules.minimum_password_age ?? 0;
  if (days === 0 || user.passwordAtMs === undefined || user.mustChangePassword) return;
  const daysLeft = (user.passwordAtMs + days * dayMs - nowMs) / dayMs;
  if (daysLeft <= 0) return;
  throw badRequest(
    `Password validation error: Cannot change password before minimum age ${days} days is met, ${Math.ceil(daysLeft)} day(s) left.`,
  );
};
