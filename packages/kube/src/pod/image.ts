import type { ImageSettings } from './settings.ts';

/** Which image a run gets, and why that one. */
export interface ImageChoice {
  readonly image: string;
  /**
   * `dynamic`: the tag was made of the version. All others leave the configured reference as it is: `configured` (dynamic
   * tags are off), `digest` (a digest names one image and is never rewritten), `version_unknown`, `not_a_release` (no
   * image is published under the version of a development build), `unusable` (the outcome would be no valid tag, or
   * the configured reference cannot be read).
   */
  readonly why: 'configured' | 'dynamic' | 'digest' | 'version_unknown' | 'not_a_release' | 'unusable';
}

/** Stands for the version in `ImageSettings.dynamicTag`. */
const PLACEHOLDER = '{version}';
/** A release as servers announce it. A fourth number counts builds of the ingestion library; tags do not carry it. */
const RELEASE = /^v?(\d+\.\d+\.\d+)(?:\.\d+)?$/;
const TAG = /^\w[\w.-]{0,127}$/;

/** `imageChoice` without the reason. */
export function imageFor(settings: ImageSettings, openMetadataVersion: string | undefined): string {
  return imageChoice(settings, openMetadataVersion).image;
}

/**
 * The image of a run: with `dynamicTag`, the configured repository under the tag that belongs to the OpenMetadata version
 * of the run (1.11.1 with `om-{version}-cl-{version}` gives `om-1.11.1-cl-1.11.1`).
 */
export function imageChoice(settings: ImageSettings, openMetadataVersion: string | undefined): ImageChoice {
  const { image, dynamicTag } = settings;
  if (dynamicTag === undefined || dynamicTag === '') return { image, why: 'configured' };
  const reference = splitReference(image);
  if (reference.digest !== undefined) return { image, why: 'digest' };
  if (openMetadataVersion === undefined || openMetadataVersion.trim() === '') return { image, why: 'version_unknown' };
  const version = RELEASE.exec(openMetadataVersion.trim())?.[1];
  if (version === undefined) return { image, why: 'not_a_release' };
  const tag = dynamicTag.replaceAll(PLACEHOLDER, version);
  if (!TAG.test(tag) || imageReferenceProblem(image) !== undefined) return { image, why: 'unusable' };
  return { image: `${reference.repository}:${tag}`, why: 'dynamic' };
}

/** What is wrong with a template of dynamic tags, or undefined. */
export function dynamicTagProblem(template: string): string | undefined {
  if (!template.includes(PLACEHOLDER)) return `it does not contain ${PLACEHOLDER}`;
  return TAG.test(template.replaceAll(PLACEHOLDER, '1.11.1'))
    ? undefined
    : 'a tag has at most 128 letters, digits, "_", "-" or ".", and begins with a letter, digit or "_"';
}

interface Reference {
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: string;
}

/** The parts of a reference. A colon belongs to the tag only behind the last slash: before it, it is a registry's port. */
function splitReference(image: string): Reference {
  const at = image.indexOf('@');
  const named = at < 0 ? image : image.slice(0, at);
  const colon = named.indexOf(':', named.lastIndexOf('/') + 1);
  return {
    repository: colon < 0 ? named : named.slice(0, colon),
    ...(colon < 0 ? {} : { tag: named.slice(colon + 1) }),
    ...(at < 0 ? {} : { digest: image.slice(at + 1) }),
  };
}

const HOST_LABEL = '[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?';
const HOST = new RegExp(`^(?:${HOST_LABEL}(?:\\.${HOST_LABEL})*|\\[[0-9a-fA-F:]+\\])(?::\\d{1,5})?$`);
const COMPONENT = /^[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*$/;
const DIGEST = /^[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}$/;
const SHA256 = /^sha256:[0-9a-f]{64}$/;
const MAX_NAME = 255;

/** What is wrong with an image reference, or undefined. Source: the grammar of the distribution project. */
export function imageReferenceProblem(image: string): string | undefined {
  if (image === '') return 'it is empty';
  if (/\s/.test(image)) return 'it holds a blank';
  if (image.includes('://')) return 'it must not begin with a scheme such as https://';
  const { repository, tag, digest } = splitReference(image);
  const [first = '', ...rest] = repository.split('/');
  const hosted = rest.length > 0 && (/[.:A-Z]/.test(first) || first === 'localhost');
  if (hosted && !HOST.test(first)) return `"${first.slice(0, 80)}" is no registry`;
  const bad = (hosted ? rest : [first, ...rest]).find((component) => !COMPONENT.test(component));
  if (bad !== undefined) return componentProblem(bad);
  if (repository.length > MAX_NAME) return `its name has more than ${MAX_NAME} characters`;
  if (tag !== undefined && !TAG.test(tag)) return `"${tag.slice(0, 80)}" is no tag`;
  if (digest === undefined) return undefined;
  return (digest.startsWith('sha256:') ? SHA256 : DIGEST).test(digest) ? undefined : 'its digest is malformed';
}

function componentProblem(component: string): string {
  if (component === '') return 'a part between slashes is empty';
  const told = `"${component.slice(0, 80)}" is no part of an image name`;
  return /[A-Z]/.test(component) ? `${told}: capital letters are not allowed` : told;
}
