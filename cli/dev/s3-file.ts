/**
 * DIR/s3.env: what S3 clients read from their environment, with a key of the admin's at the first host. Other keys are
 * made by `openstack ec2 credentials create`.
 */
import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { identityRoutes } from '../../proto/rest/identity.ts';
import { connect } from '../client.ts';
import type { Rehearsal } from './rehearsal.ts';

/** Twice is once: a key that was given out stays. */
export const writeS3File = async (rehearsal: Rehearsal): Promise<void> => {
  const file = join(rehearsal.directory, 's3.env');
  const [first] = rehearsal.hosts;
  if (!first || existsSync(file)) return;
  const client = await connect({ data: rehearsal.directory });
  const { credential } = await client.call(identityRoutes.ec2.create, {
    params: { userId: client.userId },
    json: { tenant_id: client.projectId },
  });
  const lines = [
    `AWS_ACCESS_KEY_ID=${credential.access}`,
    `AWS_SECRET_ACCESS_KEY=${credential.secret}`,
    `AWS_ENDPOINT_URL=${first.s3Url}`,
    // Any name will do; clients want to sign for one.
    'AWS_DEFAULT_REGION=us-east-1',
  ];
  writeFileSync(`${file}.new`, `${lines.join('\n')}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
};
