import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dynamicTagProblem, imageChoice, imageFor, imageReferenceProblem } from '../../../src/index.ts';

const TEMPLATE = 'om-{version}-cl-{version}';
const ECR = '118146679784.dkr.ecr.eu-west-1.amazonaws.com/collate-customers-ingestion-slim-eu-west-1';
const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`;

describe('the image of a run', () => {
  it.each([
    [`${ECR}:om-1.13.3-cl-1.13.3`, '1.11.1', `${ECR}:om-1.11.1-cl-1.11.1`],
    [ECR, '1.11.1', `${ECR}:om-1.11.1-cl-1.11.1`],
    ['localhost:5000/ingestion:latest', '1.11.1', 'localhost:5000/ingestion:om-1.11.1-cl-1.11.1'],
    [
      'registry.example.com:5000/team/ingestion',
      '1.11.1',
      'registry.example.com:5000/team/ingestion:om-1.11.1-cl-1.11.1',
    ],
    ['ingestion:5000', '1.11.1', 'ingestion:om-1.11.1-cl-1.11.1'],
    ['ingestion', ' v1.11.1 ', 'ingestion:om-1.11.1-cl-1.11.1'],
    ['ingestion:x', '1.12.0.3', 'ingestion:om-1.12.0-cl-1.12.0'],
  ])('%s with server %s is %s', (image, version, expected) => {
    expect(imageChoice({ image, dynamicTag: TEMPLATE }, version)).toEqual({ image: expected, why: 'dynamic' });
  });

  it.each([
    ['configured', 'ingestion:1', undefined, '1.11.1'],
    ['configured', 'ingestion:1', '', '1.11.1'],
    ['digest', `ingestion@${DIGEST}`, TEMPLATE, '1.11.1'],
    ['digest', `localhost:5000/ingestion:1@${DIGEST}`, TEMPLATE, '1.11.1'],
    ['version_unknown', 'ingestion:1', TEMPLATE, undefined],
    ['version_unknown', 'ingestion:1', TEMPLATE, ' '],
    ['not_a_release', 'ingestion:1', TEMPLATE, '1.11.1-SNAPSHOT'],
    ['not_a_release', 'ingestion:1', TEMPLATE, '1.12.0.0-rc'],
    ['not_a_release', 'ingestion:1', TEMPLATE, '1.12.0-rc1'],
    ['not_a_release', 'ingestion:1', TEMPLATE, 'unknown'],
    ['not_a_release', 'ingestion:1', TEMPLATE, '1.11'],
    ['unusable', 'ingestion:1', 'om {version}', '1.11.1'],
    ['unusable', 'Ingestion:1', TEMPLATE, '1.11.1'],
  ])('stays as configured (%s): %s, template %j, server %j', (why, image, dynamicTag, version) => {
    const settings = { image, ...(dynamicTag === undefined ? {} : { dynamicTag }) };
    expect(imageChoice(settings, version)).toEqual({ image, why });
    expect(imageFor(settings, version)).toBe(image);
  });

  it('is always one that can be pulled, and never changes its repository', () => {
    const images = fc.constantFrom(`${ECR}:x`, 'localhost:5000/a/b', 'ingestion', `a/b@${DIGEST}`, 'docker.io/a/b:1');
    fc.assert(
      fc.property(images, fc.string(), (image, version) => {
        const chosen = imageFor({ image, dynamicTag: TEMPLATE }, version);
        expect(imageReferenceProblem(chosen)).toBeUndefined();
        expect(chosen.startsWith(image.replace(/:[^/:]*$/, ''))).toBe(true);
      }),
    );
  });
});

describe('image references', () => {
  it.each([
    'busybox',
    'busybox:1',
    'library/busybox:1.36',
    'docker.io/library/busybox',
    'localhost/x',
    'localhost:5000/x:y',
    '10.0.0.1:5000/x/y',
    '[2001:db8::1]:5000/x',
    `ghcr.io/a/b@${DIGEST}`,
    `ghcr.io/a/b:tag@${DIGEST}`,
    'a/b__c/d.e-f:Tag_1.2-3',
    `${ECR}:om-1.11.1-cl-1.11.1`,
  ])('%s is one', (image) => {
    expect(imageReferenceProblem(image)).toBeUndefined();
  });

  it.each([
    ['', 'empty'],
    ['https://quay.io/a/b', 'scheme'],
    ['quay.io/a b', 'blank'],
    ['quay.io/Team/App', 'capital'],
    ['Ingestion:1', 'capital'],
    ['quay.io//app', 'empty'],
    ['quay.io/app:', 'no tag'],
    ['quay.io/app:-x', 'no tag'],
    [`quay.io/app:${'x'.repeat(129)}`, 'no tag'],
    ['quay.io/app@sha256:abc', 'digest'],
    ['quay.io/app@latest', 'digest'],
    ['quay..io/app', 'registry'],
    ['quay.io:port/app', 'registry'],
    ['-app', 'part'],
    ['a/'.repeat(150) + 'a', '255'],
  ])('%s is none', (image, why) => {
    expect(imageReferenceProblem(image)).toContain(why);
  });
});

describe('templates of tags', () => {
  it('need the version and must make a tag', () => {
    expect(dynamicTagProblem(TEMPLATE)).toBeUndefined();
    expect(dynamicTagProblem('{version}')).toBeUndefined();
    expect(dynamicTagProblem('latest')).toContain('{version}');
    expect(dynamicTagProblem('om:{version}')).toContain('tag');
  });
});
