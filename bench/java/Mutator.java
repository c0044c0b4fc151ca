// HBase's own client as the other side of the bench: a JVM that stays, so that rounds can take
// turns. Commands are lines on stdin, answers lines on stdout that begin with "> ".
//   java Mutator.java <zookeeper> <table> <file of cells>
//   warm <seconds> <version>     rounds with all buffer sizes for so long; answers Puts/s of the last
//   round <MiB> <version>        all cells through a BufferedMutator; answers seconds and CPU seconds
//   flush <table>...             memory of the tables to disk
//   digest <table>               cells of the table, and SHA-256 of all of them in order
// A file of cells: row, qualifier and value, each with its length (u16) before it.
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.hbase.Cell;
import org.apache.hadoop.hbase.CellUtil;
import org.apache.hadoop.hbase.HBaseConfiguration;
import org.apache.hadoop.hbase.TableName;
import org.apache.hadoop.hbase.client.Admin;
import org.apache.hadoop.hbase.client.BufferedMutator;
import org.apache.hadoop.hbase.client.BufferedMutatorParams;
import org.apache.hadoop.hbase.client.Connection;
import org.apache.hadoop.hbase.client.ConnectionFactory;
import org.apache.hadoop.hbase.client.Put;
import org.apache.hadoop.hbase.client.Result;
import org.apache.hadoop.hbase.client.ResultScanner;
import org.apache.hadoop.hbase.client.Scan;
import org.apache.hadoop.hbase.client.Table;

public final class Mutator {
  private static final byte[] FAMILY = {'c'};
  private static final int[] WARM_MIB = {1, 2, 8};

  private final Connection connection;
  private final TableName table;
  private final List<byte[][]> cells;

  private Mutator(Connection connection, TableName table, List<byte[][]> cells) {
    this.connection = connection;
    this.table = table;
    this.cells = cells;
  }

  public static void main(String[] args) throws Exception {
    Configuration conf = HBaseConfiguration.create();
    String[] zookeeper = args[0].split(":");
    conf.set("hbase.zookeeper.quorum", zookeeper[0]);
    conf.set("hbase.zookeeper.property.clientPort", zookeeper[1]);
    List<byte[][]> cells = cells(Files.readAllBytes(Path.of(args[2])));
    try (Connection connection = ConnectionFactory.createConnection(conf);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in))) {
      Mutator mutator = new Mutator(connection, TableName.valueOf(args[1]), cells);
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        System.out.println("> " + mutator.answer(line.split(" ")));
      }
    }
  }

  private String answer(String[] words) throws Exception {
    return switch (words[0]) {
      case "warm" -> warm(Long.parseLong(words[1]), Long.parseLong(words[2]));
      case "round" -> round(Long.parseLong(words[1]), Long.parseLong(words[2]));
      case "flush" -> flush(words);
      case "digest" -> digest(TableName.valueOf(words[1]));
      default -> throw new IllegalArgumentException(words[0]);
    };
  }

  private String warm(long seconds, long version) throws IOException {
    long end = System.nanoTime() + seconds * 1_000_000_000L;
    double last = 0;
    for (int i = 0; System.nanoTime() < end; i++) {
      long start = System.nanoTime();
      put(WARM_MIB[i % WARM_MIB.length], version + i);
      last = cells.size() / ((System.nanoTime() - start) / 1e9);
    }
    return String.valueOf(Math.round(last));
  }

  private String round(long mib, long version) throws IOException {
    System.gc();
    long cpu = cpuNanos();
    long start = System.nanoTime();
    put(mib, version);
    double seconds = (System.nanoTime() - start) / 1e9;
    return seconds + " " + (cpuNanos() - cpu) / 1e9;
  }

  private void put(long mib, long version) throws IOException {
    BufferedMutatorParams params = new BufferedMutatorParams(table).writeBufferSize(mib << 20);
    try (BufferedMutator mutator = connection.getBufferedMutator(params)) {
      for (byte[][] cell : cells) {
        mutator.mutate(new Put(cell[0]).addColumn(FAMILY, cell[1], version, cell[2]));
      }
      mutator.flush();
    }
  }

  private String flush(String[] words) throws IOException {
    try (Admin admin = connection.getAdmin()) {
      for (int i = 1; i < words.length; i++) admin.flush(TableName.valueOf(words[i]));
    }
    return "flushed";
  }

  private String digest(TableName name) throws Exception {
    MessageDigest hash = MessageDigest.getInstance("SHA-256");
    long count = 0;
    try (Table read = connection.getTable(name);
        ResultScanner scanner = read.getScanner(new Scan().addFamily(FAMILY))) {
      for (Result result : scanner) {
        for (Cell cell : result.rawCells()) {
          count++;
          update(hash, CellUtil.cloneRow(cell));
          update(hash, CellUtil.cloneQualifier(cell));
          update(hash, ByteBuffer.allocate(8).putLong(cell.getTimestamp()).array());
          update(hash, CellUtil.cloneValue(cell));
        }
      }
    }
    return count + " " + HexFormat.of().formatHex(hash.digest());
  }

  private static void update(MessageDigest hash, byte[] bytes) {
    hash.update((byte) (bytes.length >>> 8));
    hash.update((byte) bytes.length);
    hash.update(bytes);
  }

  /** Of this process alone, all its threads. */
  private static long cpuNanos() {
    return ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
        .getProcessCpuTime();
  }

  private static List<byte[][]> cells(byte[] file) {
    ByteBuffer left = ByteBuffer.wrap(file);
    List<byte[][]> cells = new ArrayList<>();
    while (left.hasRemaining()) {
      cells.add(new byte[][] {part(left), part(left), part(left)});
    }
    return cells;
  }

  private static byte[] part(ByteBuffer left) {
    byte[] bytes = new byte[left.getShort() & 0xffff];
    left.get(bytes);
    return bytes;
  }
}
