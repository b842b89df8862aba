import { defineCheck } from '../check.ts';
import { wordsOf } from '../errors.ts';

/** The REST interface, which the runner asks for the version when a connection fails; the clock is read off it too. */
export const server = defineCheck({
  id: 'server',
  group: 'network',
  looksAt: 'the version that the REST interface of the control plane tells',
  reasons: {
    server_ok: { level: 'ok', when: 'It tells its OpenMetadata version.' },
    server_without_version: {
      level: 'warn',
      when: 'It answers, but tells no version.',
      fix: 'Check SERVER_HOST_API_URL: it ends with /api as a rule.',
    },
    server_silent: {
      level: 'warn',
      when: 'It does not answer.',
      fix: 'Check SERVER_HOST_API_URL. Runs do not need it; failed connections are explained with it.',
    },
  },
  run: async (context, say) => {
    const answer = await context.server();
    const { apiUrl } = context.config.server;
    if (!answer.answered) return [say('server_silent', `${apiUrl} does not answer: ${wordsOf(answer.error).message}.`)];
    if (answer.openMetadataVersion === undefined) {
      return [say('server_without_version', `${apiUrl} tells no version (HTTP ${answer.status}).`)];
    }
    return [say('server_ok', `${apiUrl} is OpenMetadata ${answer.openMetadataVersion}.`)];
  },
});
