import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Future;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Sends the keys of its standard input (each behind its length, 4 bytes) with Kafka's own producer and its default partitioner; the value is the
 * key's number in text. Run as it is: java -cp 'kafka/libs/*' ProduceKeys.java bootstrap topic
 */
public final class ProduceKeys {
  public static void main(String[] args) throws Exception {
    Map<String, Object> settings = Map.of("bootstrap.servers", args[0], "linger.ms", 50);
    var serializer = new ByteArraySerializer();
    List<Future<RecordMetadata>> sent = new ArrayList<>();
    try (var producer = new KafkaProducer<byte[], byte[]>(settings, serializer, serializer);
        var input = new DataInputStream(new BufferedInputStream(System.in))) {
      for (int number = 0; ; number++) {
        byte[] key;
        try {
          key = new byte[input.readInt()];
        } catch (EOFException end) {
          break;
        }
        input.readFully(key);
        byte[] value = Integer.toString(number).getBytes(StandardCharsets.UTF_8);
        sent.add(producer.send(new ProducerRecord<>(args[1], key, value)));
      }
      for (var each : sent) each.get();
    }
    System.out.println(sent.size());
  }
}
