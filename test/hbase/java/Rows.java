// The other side of the tests: HBase's own client, which knows nothing of ours.
// Cells travel as lines of hex: row, qualifier, version, value; a dash is an empty part.
//   exchange <zookeeper> <table> <file>   puts the cells of the file, then prints all of the table
//   read <zookeeper> <table>              prints all cells of the table
//   truncate <zookeeper> <table>          makes the table anew, as the shell's truncate_preserve
//   deleteall <zookeeper> <table>         deletes each row, as the shell's deleteall
//   total <zookeeper> <table> <ad>        prints rows and the sum of measure 1 of the ad's live cells
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.hbase.Cell;
import org.apache.hadoop.hbase.CellUtil;
import org.apache.hadoop.hbase.HBaseConfiguration;
import org.apache.hadoop.hbase.TableName;
import org.apache.hadoop.hbase.client.Admin;
import org.apache.hadoop.hbase.client.Connection;
import org.apache.hadoop.hbase.client.ConnectionFactory;
import org.apache.hadoop.hbase.client.Delete;
import org.apache.hadoop.hbase.client.Put;
import org.apache.hadoop.hbase.client.Result;
import org.apache.hadoop.hbase.client.ResultScanner;
import org.apache.hadoop.hbase.client.Scan;
import org.apache.hadoop.hbase.client.Table;

public final class Rows {
  private static final byte[] FAMILY = {'c'};
  private static final HexFormat HEX = HexFormat.of();

  public static void main(String[] args) throws IOException {
    Configuration conf = HBaseConfiguration.create();
    String[] zookeeper = args[1].split(":");
    conf.set("hbase.zookeeper.quorum", zookeeper[0]);
    conf.set("hbase.zookeeper.property.clientPort", zookeeper[1]);
    try (Connection connection = ConnectionFactory.createConnection(conf);
        Table table = connection.getTable(TableName.valueOf(args[2]));
        PrintWriter out = new PrintWriter(new BufferedWriter(
            new OutputStreamWriter(System.out, StandardCharsets.US_ASCII)))) {
      switch (args[0]) {
        case "exchange" -> {
          put(table, Files.readAllLines(Path.of(args[3])));
          read(table, out);
        }
        case "read" -> read(table, out);
        case "truncate" -> truncate(connection, table.getName());
        case "deleteall" -> deleteAll(table);
        case "total" -> total(table, args[3].getBytes(StandardCharsets.UTF_8), out);
        default -> throw new IllegalArgumentException(args[0]);
      }
    }
  }

  private static void put(Table table, List<String> lines) throws IOException {
    List<Put> puts = new ArrayList<>();
    for (String line : lines) {
      String[] part = line.split(" ");
      Put put = new Put(bytes(part[0]));
      put.addColumn(FAMILY, bytes(part[1]), Long.parseLong(part[2]), bytes(part[3]));
      puts.add(put);
    }
    table.put(puts);
  }

  private static void read(Table table, PrintWriter out) throws IOException {
    try (ResultScanner scanner = table.getScanner(new Scan().addFamily(FAMILY))) {
      for (Result result : scanner) {
        for (Cell cell : result.rawCells()) {
          out.println(hex(CellUtil.cloneRow(cell)) + " " + hex(CellUtil.cloneQualifier(cell)) + " "
              + cell.getTimestamp() + " " + hex(CellUtil.cloneValue(cell)));
        }
      }
    }
  }

  private static void truncate(Connection connection, TableName name) throws IOException {
    try (Admin admin = connection.getAdmin()) {
      admin.disableTable(name);
      admin.truncateTable(name, true);
    }
  }

  private static void deleteAll(Table table) throws IOException {
    List<Delete> deletes = new ArrayList<>();
    try (ResultScanner scanner = table.getScanner(new Scan().addFamily(FAMILY))) {
      for (Result result : scanner) deletes.add(new Delete(result.getRow()));
    }
    table.delete(deletes);
  }

  /** Rows: salt u8, ad, 00, day u16, site. Live cells: qualifier 01 …, value (measure u8, uvarint)*. */
  private static void total(Table table, byte[] ad, PrintWriter out) throws IOException {
    long rows = 0;
    long sum = 0;
    try (ResultScanner scanner = table.getScanner(new Scan().addFamily(FAMILY))) {
      for (Result result : scanner) {
        byte[] row = result.getRow();
        int end = ad.length + 1;
        if (row.length <= end || row[end] != 0 || !Arrays.equals(row, 1, end, ad, 0, ad.length)) {
          continue;
        }
        rows++;
        for (Cell cell : result.rawCells()) {
          if (CellUtil.cloneQualifier(cell)[0] == 1) sum += measure1(CellUtil.cloneValue(cell));
        }
      }
    }
    out.println(rows + " " + sum);
  }

  private static long measure1(byte[] value) {
    ByteBuffer left = ByteBuffer.wrap(value);
    while (left.hasRemaining()) {
      int measure = left.get();
      long count = 0;
      int shift = 0;
      byte next;
      do {
        next = left.get();
        count |= (long) (next & 0x7f) << shift;
        shift += 7;
      } while (next < 0);
      if (measure == 1) return count;
    }
    return 0;
  }

  private static byte[] bytes(String hex) {
    return hex.equals("-") ? new byte[0] : HEX.parseHex(hex);
  }

  private static String hex(byte[] bytes) {
    return bytes.length == 0 ? "-" : HEX.formatHex(bytes);
  }
}
