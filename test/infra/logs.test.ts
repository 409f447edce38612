import { expect, test } from 'vitest';
import { resources, TEMPLATES } from './templates.ts';

test('every log group lets its events expire', () => {
  const groups = resources('AWS::Logs::LogGroup');
  expect(groups.length).toBeGreaterThan(0);
  expect(
    groups.filter(({ resource }) => !resource.Properties?.['RetentionInDays']).map(({ where }) => where),
  ).toEqual([]);
});

test('what would make a log group of its own, without an end, is given one', () => {
  const names = (template: string): string[] =>
    resources('AWS::Logs::LogGroup')
      .filter((group) => group.template === template)
      .map(({ resource }) => JSON.stringify(resource.Properties?.['LogGroupName'] ?? ''));
  const has = (template: string, part: string): boolean =>
    names(template).some((name) => name.includes(part));

  const builders = resources('AWS::CodeBuild::Project').filter(
    ({ resource }) => !JSON.stringify(resource.Properties?.['LogsConfig'] ?? '').includes('{"Ref":'),
  );
  const databases = resources('AWS::RDS::DBInstance', 'AWS::RDS::DBCluster').filter(
    ({ template, resource }) =>
      resource.Properties?.['EnableCloudwatchLogsExports'] && !has(template, '/aws/rds/'),
  );
  const rotations = resources('AWS::SecretsManager::RotationSchedule').filter(({ template, resource }) => {
    const { RotationLambdaName } = (resource.Properties?.['HostedRotationLambda'] ?? {}) as {
      RotationLambdaName?: { 'Fn::Sub': string };
    };
    return !has(template, `/aws/lambda/${RotationLambdaName?.['Fn::Sub']}"`);
  });
  const functions = resources('AWS::Lambda::Function');
  expect([...builders, ...databases, ...rotations, ...functions].map(({ where }) => where)).toEqual([]);
});

test('no task makes log groups', () => {
  expect(
    TEMPLATES.filter(({ yaml }) => yaml.includes('awslogs-create-group')).map(({ name }) => name),
  ).toEqual([]);
});
