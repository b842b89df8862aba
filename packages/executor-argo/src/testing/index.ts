/** For tests only: Argo in memory, and the suite that both transports pass. Needs vitest. */
export {};
