// One scrape of several processes: each metric is put together as its definition says.
// Promises that a total never falls because a process ended: what it had counted stays. Gauges are
// those of the living.
import { AggregatorRegistry, type MetricObjectWithValues, type MetricValue } from 'prom-client';

/** What one process says of all its metrics, as it goes over a channel. */
export type MetricsPart = MetricObjectWithValues<MetricValue<string>>[];

/** prom-client leaves it out; alerts take it for a start without a flush yet: the youngest's. */
const startMetric = 'process_start_time_seconds';

/** What the primary itself says: of workers, not of counting. */
const primaryMetrics = new Set(['adcounter_workers', 'adcounter_worker_crashes_total']);

export class MetricsTogether {
  #ended: MetricsPart = [];

  /** The last that was heard of a process that has ended. */
  async retire(part: MetricsPart): Promise<void> {
    const totals = part.filter(({ type }) => ['counter', 'histogram'].includes(String(type)));
    this.#ended = await summed([this.#ended, totals]).getMetricsAsJSON();
  }

  /** As Prometheus scrapes it. */
  async text(primary: MetricsPart, workers: readonly MetricsPart[]): Promise<string> {
    const own = primary.filter(({ name }) => primaryMetrics.has(name));
    return summed([...workers.map(withStart), own, this.#ended]).metrics();
  }
}

function withStart(part: MetricsPart): MetricsPart {
  return part.map((metric) => {
    return metric.name === startMetric ? { ...metric, aggregator: 'max' } : metric;
  });
}

function summed(parts: readonly MetricsPart[]): ReturnType<typeof AggregatorRegistry.aggregate> {
  return AggregatorRegistry.aggregate([...parts]);
}
