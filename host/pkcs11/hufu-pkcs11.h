/*
 * What hufu-pkcs11.so has beyond the standard: to be included after the standard's own header.
 */
#ifndef HUFU_PKCS11_H
#define HUFU_PKCS11_H

/*
 * SM2, SM3, SM4. The block that Sansec, TASS and Koal share is the default; Luna's is added by the
 * configuration (numbers = luna).
 */
#define CKK_SM2              0x80000004UL
#define CKK_SM4              0x80000106UL
#define CKK_SM4_OTHER        0x80000107UL /* some number the key as its generation */
#define CKM_SM2_RAW_OLD      0x80008000UL
#define CKM_SM2_KEY_PAIR_GEN 0x80008001UL
#define CKM_SM3_SM2          0x80008100UL
#define CKM_SM3_SM2_DER      0x80008101UL
#define CKM_SM3_SM2_Z        0x80008102UL /* with the default ID */
#define CKM_SM3_SM2_Z_DER    0x80008103UL
#define CKM_SM2_RAW          0x80008104UL
#define CKM_SM2_ENCRYPT      0x80008200UL
#define CKM_SM2_ENCRYPT_DER  0x80008201UL
#define CKM_SM2_DERIVE       0x80008f00UL /* ours: GB/T 32918.3 */
#define CKM_SM3              0x80009001UL
#define CKM_SM3_OLD          0x80000005UL
#define CKM_SM3_HMAC         0x80009f01UL /* ours */
#define CKM_SM4_KEY_GEN      0x80000107UL
#define CKM_SM4_ECB          0x80000108UL
#define CKM_SM4_CBC          0x80000109UL
#define CKM_SM4_CBC_PAD      0x8000a201UL
#define CKM_SM4_CTR          0x8000af01UL /* ours from here on */
#define CKM_SM4_GCM          0x8000af02UL
#define CKM_SM4_CMAC         0x8000af03UL
#define CKK_LUNA_SM2         0x80000016UL
#define CKM_LUNA_SM2_GEN     0x80000b20UL
#define CKM_LUNA_SM2         0x80000b21UL
#define CKM_LUNA_SM3_SM2     0x80000b22UL
#define CKM_LUNA_SM3         0x80000b01UL

/*
 * Parameters of CKM_SM2_DERIVE, the key exchange of GB/T 32918.3. The base key is our private key,
 * hTemporary that of a pair which was made for this one exchange (CKM_SM2_KEY_PAIR_GEN); both are
 * SM2 keys in the device, with CKA_DERIVE. Points are bare (04 || x || y) or in an OCTET STRING, as
 * CKA_EC_POINT has them. An ID that is NULL is the usual one. The confirmations have 32 bytes each
 * and may be NULL: pConfirmOwn is for the peer, what the peer sends must be pConfirmPeer.
 */
typedef struct HUFU_SM2_DERIVE_PARAMS {
    CK_BBOOL bInitiator; /* CK_FALSE: the responder */
    CK_OBJECT_HANDLE hTemporary;
    CK_BYTE *pOwnId;
    CK_ULONG ulOwnIdLen;
    CK_BYTE *pPeerId;
    CK_ULONG ulPeerIdLen;
    CK_BYTE *pPeer;
    CK_ULONG ulPeerLen;
    CK_BYTE *pPeerTemporary;
    CK_ULONG ulPeerTemporaryLen;
    CK_BYTE *pConfirmOwn;
    CK_BYTE *pConfirmPeer;
} HUFU_SM2_DERIVE_PARAMS;

#endif
