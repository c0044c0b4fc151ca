// Holds a table to a writer's book by HBase's own client, which knows nothing of ours.
//   <zookeeper> <table> <book>
// A line of the book: row, qualifier, `!` (must be there) or `?`, then version and value of each
// state that may stand there; version `*`: any. All bytes are hex, a dash is an empty part.
// Reads the table by a scan and each row of the book once more by a get. Prints what is wrong, then
//   cells <scanned> rows <got> lost <n> misread <n> repeated <n> digest <SHA-256 of the scan>
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.hbase.Cell;
import org.apache.hadoop.hbase.CellUtil;
import org.apache.hadoop.hbase.HBaseConfiguration;
import org.apache.hadoop.hbase.TableName;
import org.apache.hadoop.hbase.client.Connection;
import org.apache.hadoop.hbase.client.ConnectionFactory;
import org.apache.hadoop.hbase.client.Get;
import org.apache.hadoop.hbase.client.Result;
import org.apache.hadoop.hbase.client.ResultScanner;
import org.apache.hadoop.hbase.client.Scan;
import org.apache.hadoop.hbase.client.Table;
import org.apache.hadoop.hbase.util.Bytes;

public final class LedgerCheck {
  private static final byte[] FAMILY = {'c'};
  private static final HexFormat HEX = HexFormat.of();
  private static final int EXAMPLES_MAX = 20;
  private static final int GETS_AT_ONCE = 1000;

  private record Entry(boolean must, Set<String> states) {}

  private final Map<String, Entry> book = new HashMap<>();
  private final Set<String> rows = new LinkedHashSet<>();
  private long lost;
  private long misread;
  private long repeated;
  private int examples;

  public static void main(String[] args) throws Exception {
    Configuration conf = HBaseConfiguration.create();
    String[] zookeeper = args[0].split(":");
    conf.set("hbase.zookeeper.quorum", zookeeper[0]);
    conf.set("hbase.zookeeper.property.clientPort", zookeeper[1]);
    LedgerCheck check = new LedgerCheck();
    check.readBook(Path.of(args[2]));
    try (Connection connection = ConnectionFactory.createConnection(conf);
        Table table = connection.getTable(TableName.valueOf(args[1]))) {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      long cells = check.scan(table, digest);
      check.getAll(table);
      System.out.println("cells " + cells + " rows " + check.rows.size() + " lost " + check.lost
          + " misread " + check.misread + " repeated " + check.repeated
          + " digest " + HEX.formatHex(digest.digest()));
    }
  }

  private void readBook(Path file) throws IOException {
    try (BufferedReader lines = Files.newBufferedReader(file)) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        String[] part = line.split(" ");
        Set<String> states = new HashSet<>();
        for (int i = 3; i < part.length; i += 2) states.add(part[i] + " " + part[i + 1]);
        book.put(part[0] + " " + part[1], new Entry(part[2].equals("!"), states));
        rows.add(part[0]);
      }
    }
  }

  private long scan(Table table, MessageDigest digest) throws IOException {
    long cells = 0;
    byte[] lastRow = null;
    Set<String> seen = new HashSet<>();
    try (ResultScanner scanner = table.getScanner(new Scan().addFamily(FAMILY))) {
      for (Result result : scanner) {
        byte[] row = result.getRow();
        if (lastRow != null && Bytes.compareTo(row, lastRow) <= 0) {
          repeated++;
          example(HEX.formatHex(row) + " does not come behind the row before it");
        }
        lastRow = row;
        for (Cell cell : result.rawCells()) {
          cells++;
          String line = check(cell, seen);
          digest.update((line + "\n").getBytes(StandardCharsets.US_ASCII));
        }
      }
    }
    checkMissing(seen, "scan");
    return cells;
  }

  private void getAll(Table table) throws IOException {
    Set<String> seen = new HashSet<>();
    List<Get> gets = new ArrayList<>();
    for (String row : rows) {
      gets.add(new Get(HEX.parseHex(row)).addFamily(FAMILY));
      if (gets.size() == GETS_AT_ONCE) get(table, gets, seen);
    }
    if (!gets.isEmpty()) get(table, gets, seen);
    checkMissing(seen, "get");
  }

  private void get(Table table, List<Get> gets, Set<String> seen) throws IOException {
    for (Result result : table.get(gets)) {
      if (result.isEmpty()) continue;
      for (Cell cell : result.rawCells()) check(cell, seen);
    }
    gets.clear();
  }

  private String check(Cell cell, Set<String> seen) {
    String key = hex(CellUtil.cloneRow(cell)) + " " + hex(CellUtil.cloneQualifier(cell));
    String value = hex(CellUtil.cloneValue(cell));
    String state = cell.getTimestamp() + " " + value;
    Entry entry = book.get(key);
    if (!seen.add(key)) {
      repeated++;
      example(key + " came twice");
    }
    if (entry == null) {
      misread++;
      example(key + " " + state + " was never put");
    } else if (!entry.states.contains(state) && !entry.states.contains("* " + value)) {
      misread++;
      example(key + " " + state + " is none of " + entry.states);
    }
    return key + " " + state;
  }

  private void checkMissing(Set<String> seen, String by) {
    for (Map.Entry<String, Entry> entry : book.entrySet()) {
      if (!entry.getValue().must || seen.contains(entry.getKey())) continue;
      lost++;
      example(entry.getKey() + " was confirmed and is not there for a " + by);
    }
  }

  private void example(String text) {
    if (examples++ < EXAMPLES_MAX) System.out.println("wrong " + text);
  }

  private static String hex(byte[] bytes) {
    return bytes.length == 0 ? "-" : HEX.formatHex(bytes);
  }
}
