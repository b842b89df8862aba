import { ask } from '../asking.ts';
import { defineCheck } from '../check.ts';

const CONNECTED = /^collate_hybrid_agent_connected(?:\{[^}]*\})? (\d+)/m;

/** The metrics of a runner that runs beside this program, in its pod or on its machine. */
export const metrics = defineCheck({
  id: 'metrics',
  group: 'agent',
  looksAt: 'the metrics port of the runner that runs here (kubectl exec), and whether it says that it is connected',
  deadlineMs: 5_000,
  reasons: {
    metrics_ok: { level: 'ok', when: 'The metrics are served, and the runner is connected.' },
    metrics_disconnected: {
      level: 'warn',
      when: 'The metrics are served, and the runner has no session with the control plane.',
      fix: 'See the checks of the network, and the log of the runner.',
    },
    metrics_none: { level: 'skipped', when: 'No runner serves metrics here: it runs elsewhere, or its port is 0.' },
    metrics_other: {
      level: 'warn',
      when: 'What answers on that port are no metrics of a runner.',
      fix: 'Check METRICS_SERVER_PORT and METRICS_SERVER_PATH, and what else listens there.',
    },
  },
  run: async ({ config }, say, signal) => {
    const { port, path } = config.metrics;
    if (port === 0) return [say('metrics_none', 'The port of the metrics is any free one.')];
    const host = config.listenAddress ?? '127.0.0.1';
    const url = new URL(path, `http://${host.includes(':') ? `[${host}]` : host}:${port}`);
    try {
      const { status, body } = await ask(url, undefined, signal);
      const connected = status === 200 ? CONNECTED.exec(body)?.[1] : undefined;
      if (connected === undefined)
        return [say('metrics_other', `${url.href} serves no metrics of a runner (HTTP ${status}).`)];
      return connected === '1'
        ? [say('metrics_ok', `${url.href} says that the runner is connected.`)]
        : [say('metrics_disconnected', `${url.href} says that the runner is not connected.`)];
    } catch {
      return [say('metrics_none', `Nothing serves metrics at ${url.href}.`)];
    }
  },
});
