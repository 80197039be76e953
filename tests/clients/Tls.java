import java.net.InetAddress;
import java.security.KeyStore;
import java.security.Provider;
import java.security.Security;
import java.util.Collections;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;

/** A TLS server and its client, both with keys of the token: java Tls.java CONFIGURATION PIN */
public class Tls {
    static String talk(SSLContext context, String protocol, String suite) throws Exception {
        InetAddress here = InetAddress.getLoopbackAddress();
        SSLServerSocket listener = (SSLServerSocket) context.getServerSocketFactory().createServerSocket(0, 5, here);
        listener.setNeedClientAuth(true);
        Exception[] wrong = new Exception[1];
        Thread server = new Thread(() -> {
            try (SSLSocket s = (SSLSocket) listener.accept()) {
                s.getOutputStream().write(s.getInputStream().read());
            } catch (Exception e) {
                wrong[0] = e;
            }
        });
        server.start();
        try (SSLSocket s = (SSLSocket) context.getSocketFactory().createSocket(here, listener.getLocalPort())) {
            s.setEnabledProtocols(new String[] {protocol});
            s.setEnabledCipherSuites(new String[] {suite});
            s.getOutputStream().write(42);
            if (s.getInputStream().read() != 42) throw new Exception("another answer");
            return s.getSession().getProtocol() + " " + s.getSession().getCipherSuite();
        } finally {
            server.join();
            if (wrong[0] != null) throw wrong[0];
        }
    }

    public static void main(String[] a) throws Exception {
        Provider provider = Security.getProvider("SunPKCS11").configure(a[0]);
        Security.addProvider(provider);
        char[] pin = a[1].toCharArray();
        KeyStore store = KeyStore.getInstance("PKCS11", provider);
        store.load(null, pin);
        KeyStore trusted = KeyStore.getInstance("PKCS12");
        trusted.load(null, null);
        for (String alias : Collections.list(store.aliases())) trusted.setCertificateEntry(alias, store.getCertificate(alias));
        TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
        trust.init(trusted);
        KeyManagerFactory keys = KeyManagerFactory.getInstance("SunX509");
        keys.init(store, pin);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys.getKeyManagers(), trust.getTrustManagers(), null);
        System.out.println(talk(context, "TLSv1.3", "TLS_AES_128_GCM_SHA256"));
        System.out.println(talk(context, "TLSv1.2", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"));
        System.out.println(talk(context, "TLSv1.2", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"));
        System.exit(0);
    }
}
