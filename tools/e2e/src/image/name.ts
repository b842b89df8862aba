/** The image of all tests on a cluster, as it is called on the nodes. */
export const WORKLOAD_IMAGE = 'docker.io/runner/workload:1';
