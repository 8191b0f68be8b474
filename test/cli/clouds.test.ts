import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { readCloud } from '../../cli/clouds.ts';

const folder = (): string => {
  const directory = mkdtempSync(join(tmpdir(), 'shoal-clouds-'));
  writeFileSync(
    join(directory, 'clouds.yaml'),
    'clouds: {shoal: {auth: {auth_url: "http://a/identity/v3/", username: admin, password: 1234, project_name: admin}}}',
  );
  return directory;
};

test('clouds: an entry of the file is read, a number as password too', (t) => {
  const cloud = readCloud({ data: folder() }, {});
  t.is(cloud.authUrl, 'http://a/identity/v3');
  t.is(cloud.password, '1234');
  t.is(cloud.userDomain, 'Default');
});

test('clouds: an unknown entry is refused with the names that there are', (t) => {
  t.throws(() => readCloud({ data: folder(), cloud: 'reef' }, {}), { message: /"reef".*shoal/ });
});

test('clouds: OS_* alone is enough', (t) => {
  const cloud = readCloud(
    {},
    { OS_AUTH_URL: 'http://b/v3', OS_USERNAME: 'u', OS_PASSWORD: 'p', OS_PROJECT_NAME: 'x' },
  );
  t.is(cloud.authUrl, 'http://b/v3');
  t.is(cloud.projectName, 'x');
});

test('clouds: a missing password is named', (t) => {
  t.throws(() => readCloud({}, { OS_AUTH_URL: 'http://b/v3', OS_USERNAME: 'u' }), {
    message: /password is missing/,
  });
});
