import test from 'ava';
import { signV2 } from '../../../agent/object/s3/sign/signature-v2.ts';
import { openSignIn } from '../../../agent/object/s3/sign-in.ts';
import { addMember, openHost } from '../../identity/world.ts';
import { incoming, refusal } from './sign.ts';

test('revocation: a key that is deleted, or whose user is disabled, is refused on every host at once', async (t) => {
  const opened = await openHost(t);
  const { host, world, asAdmin } = opened;
  const other = await world.host();
  const ann = await addMember(opened, 'ann');
  const token = await host.login('ann', 'secret', 'ann-project');
  const keys = `/v3/users/${ann.userId}/credentials/OS-EC2`;
  const newKey = async () => {
    const made = await host.call('POST', keys, { token, body: { tenant_id: ann.projectId } });
    return made.body.credential as unknown as { access: string; secret: string };
  };
  const enter = ({ access, secret }: { access: string; secret: string }) => {
    const date = new Date().toUTCString();
    const signature = signV2(secret, `GET\n\n\n${date}\n/reef/a`);
    const headers = { host: 's3', date, authorization: `AWS ${access}:${signature}` };
    return Promise.all(
      [host, other].map((at) => {
        const signIn = openSignIn({ clock: { wallMs: () => Date.now() }, secretOf: at.identity.ec2Secret });
        return refusal(() => signIn(incoming({ method: 'GET', url: '/reef/a', headers })));
      }),
    );
  };
  const [one, two] = [await newKey(), await newKey()];
  t.deepEqual(await enter(one), ['', '']);
  t.deepEqual(await enter(two), ['', '']);
  t.deepEqual(await enter({ ...one, secret: two.secret }), [
    'SignatureDoesNotMatch',
    'SignatureDoesNotMatch',
  ]);
  await host.call('DELETE', `${keys}/${one.access}`, { token });
  t.deepEqual(await enter(one), ['InvalidAccessKeyId', 'InvalidAccessKeyId']);
  t.deepEqual(await enter(two), ['', ''], 'the other key is still good');
  await asAdmin('PATCH', `/v3/users/${ann.userId}`, { user: { enabled: false } });
  t.deepEqual(await enter(two), ['InvalidAccessKeyId', 'InvalidAccessKeyId']);
});
